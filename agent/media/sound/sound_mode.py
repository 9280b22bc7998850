"""How echo is kept from the remote peer: which filters stand between both ends of a card."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from agent.media.sound.audio_settings import AudioSettings
from agent.media.sound.ducking import Ducking
from agent.media.sound.pcm import PcmFilter
from agent.media.sound.push_to_talk import TalkGate
from agent.media.sound.speech_processor import Processing, installed_processor

logger = logging.getLogger(__name__)

EXTRA = "pip install 'callbox[echo]'"


def can_cancel() -> bool:
    """Whether one of the extras is installed."""
    return installed_processor() is not None


@dataclass(frozen=True, slots=True)
class SoundMode:
    """`echo`: it is canceled; `noise` and `gain` go with the same extra."""

    mode: Literal["duplex", "duck", "push_to_talk"]
    echo: bool = False
    noise: bool = False
    gain: bool = False

    @property
    def processes(self) -> bool:
        """Whether WebRTC's audio processing is needed."""
        return self.echo or self.noise or self.gain


def choose_mode(settings: AudioSettings, *, processing: bool | None = None) -> SoundMode:
    """What the settings mean on this machine; `processing`: the extra is there. `auto` is duplex
    where echo is canceled, else ducking.
    """
    there = can_cancel() if processing is None else processing
    wanted = (settings.echo, settings.noise, settings.gain)
    echo, noise, gain = (there and each != "off" for each in wanted)
    if settings.mode != "auto":
        return SoundMode(settings.mode, echo, noise, gain)
    return SoundMode("duplex" if echo else "duck", echo, noise, gain)


def missing_extra(settings: AudioSettings, *, processing: bool | None = None) -> str | None:
    """What the settings ask for and this machine has not got; None where nothing is missing."""
    there = can_cancel() if processing is None else processing
    asked = [
        f"audio.{key} = {value}"
        for key, value in (("echo", settings.echo), ("noise", settings.noise))
        if value in ("cancel", "suppress")
    ]
    if there or not asked:
        return None
    return f"{' and '.join(asked)} needs an extra that is not installed: {EXTRA}"


class FilterChain:
    """Filters in the order of what is played (implements `PcmFilter`): the last of them is next to
    the card.
    """

    def __init__(self, filters: list[PcmFilter]) -> None:
        self._filters = filters

    def render(self, frame: bytes, delay: float) -> bytes:
        return reduce(lambda done, each: each.render(done, delay), self._filters, frame)

    def capture(self, frame: bytes, delay: float) -> bytes:
        return reduce(lambda done, each: each.capture(done, delay), self._filters[::-1], frame)

    def close(self) -> None:
        for each in self._filters:
            each.close()


def make_filter(mode: SoundMode, gate: TalkGate | None) -> PcmFilter | None:
    """What stands between both ends of a card; `gate` where it is push-to-talk."""
    filters: list[PcmFilter] = [gate] if gate is not None else []
    if mode.mode == "duck":
        filters.append(Ducking())
    if mode.processes:
        # the settings are judged by this module, in commands that need no media
        from agent.media.sound.echo_canceller import EchoCanceller

        filters.append(EchoCanceller(Processing(mode.echo, mode.noise, mode.gain)))
    return FilterChain(filters) if filters else None
