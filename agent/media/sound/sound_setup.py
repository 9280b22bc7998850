"""The sound that the settings name: what is sent, and where the remote peers are heard."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agent.errors import MediaUnavailable
from agent.media.base.video_source import MediaSource
from agent.media.sound.alsa_pcm import AlsaPlayer, AlsaSource
from agent.media.sound.announcements import Announcements
from agent.media.sound.audio_hub import AudioHub
from agent.media.sound.audio_settings import AudioSettings
from agent.media.sound.audio_source import SoundFileSource, ToneSource
from agent.media.sound.card_mixer import control_of, set_card_level
from agent.media.sound.level import Level
from agent.media.sound.loudspeaker import CardSpeaker
from agent.media.sound.microphone import Microphone
from agent.media.sound.pcm import PcmFilter
from agent.media.sound.push_to_talk import TalkGate
from agent.media.sound.reported_source import ReportedSource
from agent.media.sound.sound_cards import SoundCard, choose_card, sound_cards
from agent.media.sound.sound_mode import FilterChain, SoundMode, choose_mode, make_filter
from agent.media.sound.wav_player import WavPlayer
from agent.ports import AudioPacket

logger = logging.getLogger(__name__)

OnFault = Callable[[str, MediaUnavailable | None], None]
"""An end of the card, `microphone` or `speaker`, is lost, or works again (None)."""


def _ignore(_end: str, _fault: MediaUnavailable | None) -> None: ...


class CardEnd:
    """One end of a card, by name, or by `auto`, which looks for one at the beginning of each
    call.
    """

    def __init__(
        self,
        device: str,
        level: Level | None = None,
        *,
        capture: bool,
        cards: Callable[[], list[SoundCard]] = sound_cards,
    ) -> None:
        """`level` is left to the card's own mixer where it has one."""
        self._level = level or Level()
        kind, _, name = device.partition(":")
        self._auto = kind == "auto"
        self._name = name or None
        self._capture = capture
        self._cards = cards

    def find(self) -> str | None:
        """What is opened from now on; None where `auto` finds nothing."""
        if self._auto:
            card = choose_card(self._cards(), capture=self._capture)
            self._name = card.device(capture=self._capture) if card is not None else None
        return self._name

    def open_source(self) -> AlsaSource:
        source = AlsaSource(self._named())
        self._turn()
        return source

    def open_player(self) -> AlsaPlayer:
        player = AlsaPlayer(self._named())
        self._turn()
        return player

    def _turn(self) -> None:
        control = control_of(self._named())
        if control is None:
            self._level.leave_to(None)
        else:
            self._level.leave_to(partial(set_card_level, control, capture=self._capture))

    def _named(self) -> str:
        name = self._name or self.find()
        if name is None:
            raise MediaUnavailable("there is no sound card")
        return name


@dataclass(frozen=True, slots=True)
class Sound:
    """What one process has of it; `capture` and `playback` are None where nothing is to be sent or
    heard, `talk` but for push-to-talk, `microphone` where what is sent is no card's,
    `announcements` where nothing is heard. Whoever made
    it closes it.
    """

    capture: AudioHub | None = None
    playback: CardSpeaker | None = None
    microphone: Level | None = None
    speaker: Level | None = None
    mode: SoundMode = SoundMode("duplex")  # noqa: RUF009 - frozen
    talk: TalkGate | None = None
    announcements: Announcements | None = None

    @property
    def levels(self) -> dict[str, Level]:
        """Of the ends that the settings name, `speaker` and `microphone`."""
        ends = {"speaker": self.speaker, "microphone": self.microphone}
        return {end: level for end, level in ends.items() if level is not None}

    def present(self, end: str) -> bool:
        """Whether there is anything to open now at the end `speaker` or `microphone`."""
        part = self.playback if end == "speaker" else self.capture
        return part is not None and part.present

    async def close(self) -> None:
        if self.announcements is not None:
            self.announcements.stop()
        for each in (self.capture, self.playback):
            if each is not None:
                await each.close()


def open_sound(
    settings: AudioSettings,
    on_fault: OnFault = _ignore,
    on_device: Callable[[bool], None] = lambda _open: None,
) -> Sound:
    """Nothing is opened before a call needs it. `on_device` is told whether the microphone is."""
    mode, found = choose_mode(settings), describe_sound(settings)
    line = "sound: %s is sent, %s is played to, mode %s, echo %s"
    echo = "is canceled" if mode.echo else "is not canceled"
    logger.info(
        line, found["capture"] or "nothing", found["playback"] or "nothing", mode.mode, echo
    )
    gate = TalkGate() if mode.mode == "push_to_talk" else None
    # an echo needs both ends
    between = make_filter(mode, gate) if _is_card(settings.capture, settings.playback) else gate
    microphone, speaker = Level(settings.microphone), Level(settings.speaker)
    playback = _playback(settings.playback, speaker, between, on_fault)
    words = _announcements(playback)
    sent = [each for each in (words, between) if each is not None]
    return Sound(
        _capture(settings.capture, microphone, between, on_fault, FilterChain(sent), on_device),
        playback,
        microphone if _is_card(settings.capture) else None,
        speaker if settings.playback != "none" else None,
        mode,
        gate,
        words,
    )


def describe_sound(settings: AudioSettings) -> dict[str, str | None]:
    """What would be opened now, `capture` and `playback`; None: nothing."""
    return {
        "capture": _describe(settings.capture, capture=True),
        "playback": _describe(settings.playback, capture=False),
    }


def _describe(device: str, *, capture: bool) -> str | None:
    if device == "none":
        return None
    if _is_card(device):
        return CardEnd(device, capture=capture).find()
    return device


def _is_card(*devices: str) -> bool:
    return all(device == "auto" or device.startswith("alsa:") for device in devices)


def _announcements(playback: CardSpeaker | None) -> Announcements | None:
    if playback is None:
        return None
    return Announcements(playback, lambda: playback.present)


def _capture(
    device: str,
    level: Level,
    between: PcmFilter | None,
    on_fault: OnFault,
    sent: PcmFilter,
    on_device: Callable[[bool], None],
) -> AudioHub | None:
    """`sent`: what a card's sound passes, `between` among it."""
    kind, _, path = device.partition(":")
    if kind == "none":
        return None
    source: MediaSource[AudioPacket]
    if kind == "pattern":
        return AudioHub(ToneSource(gate=between), on_device=on_device)
    if kind == "file":
        return AudioHub(SoundFileSource(Path(path), between), on_device=on_device)
    end = CardEnd(device, level, capture=True)
    # a muted one is closed, though its call goes on
    source = Microphone(
        lambda: ReportedSource(end.open_source, on_device),
        lambda fault: on_fault("microphone", fault),
        level=level,
        sound_filter=sent,
    )
    return AudioHub(source, present=lambda: end.find() is not None)


def _playback(
    device: str, level: Level, between: PcmFilter | None, on_fault: OnFault
) -> CardSpeaker | None:
    kind, _, path = device.partition(":")
    if kind == "none":
        return None

    def tell(fault: MediaUnavailable | None) -> None:
        on_fault("speaker", fault)

    if kind == "file":
        return CardSpeaker(lambda: WavPlayer(Path(path)), tell, level=level, sound_filter=between)
    end = CardEnd(device, level, capture=False)
    return CardSpeaker(
        end.open_player,
        tell,
        present=lambda: end.find() is not None,
        level=level,
        sound_filter=between,
    )
