"""The settings of sound."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from agent.media.sound.sound_cards import numbered_fault
from agent.options import Section, Whole, conflict

FORMS = "auto, none, alsa:NAME, pattern or file:PATH"


def check_audio_device(device: str) -> str:
    """auto | none | alsa:NAME | pattern | file:PATH"""
    kind, colon, name = device.partition(":")
    if colon:
        usable = kind in ("alsa", "file") and bool(name.strip())
    else:
        usable = kind in ("auto", "none", "pattern")
    if not usable or not device.isprintable():
        raise ValueError(f"{device!r} is not {FORMS}")
    fault = numbered_fault(name) if kind == "alsa" else None
    if fault is not None:
        raise ValueError(fault)
    return device


AudioDevice = Annotated[str, AfterValidator(check_audio_device)]
Percent = Annotated[Whole, Field(ge=0, le=100)]


class AudioSettings(Section):
    """Sound, Opus both ways."""

    capture: AudioDevice = Field(
        default="auto",
        description="What is sent: auto (a USB or HAT sound card's microphone, where there is "
        "one), none, alsa:NAME (a device as ALSA names it, such as alsa:plughw:CARD=Device; "
        "alsa:pulse and alsa:pipewire where such a server runs), pattern (a soft pulsing tone), "
        "file:PATH (a file with sound, looped). Cards have names, as numbers change between boots.",
    )
    playback: AudioDevice = Field(
        default="auto",
        description="Where the caller is heard: auto (a USB or HAT sound card, else the board's "
        "own output, or nowhere), none, alsa:NAME, file:PATH (what was played in the last call, "
        "as WAV, 48 kHz mono).",
    )
    mode: Literal["auto", "duplex", "duck", "push_to_talk"] = Field(
        default="auto",
        description="Who is heard when: duplex (both at once), duck (the microphone is lowered "
        "while the caller speaks, so that no echo comes back), push_to_talk (the caller holds a "
        "button to be heard, and hears the device otherwise). auto: duplex where echo is canceled, "
        "else duck. With cards alone, but for push_to_talk.",
    )
    echo: Literal["auto", "cancel", "off"] = Field(
        default="auto",
        description="Echo of the loudspeaker in the microphone: cancel (WebRTC's canceller, an "
        "extra: pip install 'callbox[echo]'), off (a speakerphone that does it by itself). auto: "
        "cancel where the extra is installed.",
    )
    noise: Literal["auto", "suppress", "off"] = Field(
        default="auto", description="Rain, wind and the street. With the same extra; auto as echo."
    )
    gain: Literal["auto", "off"] = Field(
        default="auto", description="Makes who stands far away louder. With the same extra."
    )
    speaker: Percent = Field(
        default=80,
        description="How loud the caller is heard: 0 is not at all, 100 as loud as the card is "
        "set, in between 60 log10(speaker / 100) dB. The command volume stands in place of it.",
    )
    microphone: Percent = Field(
        default=80, description="How loud the caller hears what is said here, as `speaker`."
    )

    @model_validator(mode="after")
    def _pattern_is_for_capture(self) -> Self:
        if self.playback == "pattern":
            raise conflict("playback", "'pattern' is only for capture")
        return self
