"""The settings of sound."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from agent.options import Section, conflict


def check_audio_device(device: str) -> str:
    """auto | none | pattern | file:PATH | the name of a device"""
    if not device.strip() or device == "file:" or not device.isprintable():
        raise ValueError(
            f"{device!r} is not auto, none, pattern, file:PATH or the name of a device"
        )
    return device


class AudioSettings(Section):
    """Sound, Opus both ways."""

    capture: Annotated[str, AfterValidator(check_audio_device)] = Field(
        default="auto",
        description="What is sent: auto (the default microphone, or nothing), none, the name "
        "of a device, pattern (a "
        "soft pulsing tone), file:PATH (a file with sound, looped).",
    )
    playback: Annotated[str, AfterValidator(check_audio_device)] = Field(
        default="auto",
        description="Where the caller is heard: auto (the default loudspeaker, or nowhere), "
        "none, a device.",
    )

    @model_validator(mode="after")
    def _pattern_is_for_capture(self) -> Self:
        if self.playback == "pattern":
            raise conflict("playback", "'pattern' is only for capture")
        return self
