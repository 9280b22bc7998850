"""The outer ends of a sound card, which a test holds in place of a mouth and an ear: what is
played there is heard by the card, and the other way round. Inside the lab only.

Times are those at which a sample passes the card, by the lab's own clock.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from agent.errors import MediaUnavailable
from agent.media.sound.alsa_pcm import PERIOD_FRAMES, AlsaPlayer, AlsaSource
from agent.ports import AUDIO_CLOCK_RATE, PCM_FRAME_SAMPLES

PERIOD_SAMPLES = PERIOD_FRAMES * PCM_FRAME_SAMPLES
PERIOD_BYTES = 2 * PERIOD_SAMPLES
RETRY = 0.05


def loop(device: int, subdevice: int = 0) -> str:
    """An end of the kernel's sound loop: what device 0 plays, device 1 captures, and back."""
    return f"plughw:CARD=Loopback,DEV={device},SUBDEV={subdevice}"


class Block(NamedTuple):
    samples: bytes
    began: float


class _End(ABC):
    """A thread that opens its card again whenever that is lost, until `close()`."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._work()
            except MediaUnavailable:
                self._stopping.wait(RETRY)

    @abstractmethod
    def _work(self) -> None: ...


class Mouth(_End):
    """Plays what `make(number of the period, time)` gives."""

    def __init__(self, name: str, make: Callable[[int, float], bytes]) -> None:
        self._name = name
        self._make = make
        self._number = 0
        super().__init__()

    def _work(self) -> None:
        player = AlsaPlayer(self._name)
        try:
            while not self._stopping.is_set():
                at = time.monotonic() + player.delay()
                player.write(self._make(self._number, at))
                self._number += 1
        finally:
            player.close()


class Ear(_End):
    """Hands each period that it hears to `hear`, in its own thread."""

    def __init__(self, name: str, hear: Callable[[Block], None]) -> None:
        self._name = name
        self._hear = hear
        self.xruns = 0
        super().__init__()

    def _work(self) -> None:
        source = AlsaSource(self._name)
        try:
            while not self._stopping.is_set():
                samples = source.read()
                # the delay counts from the first sample of the period
                began = time.monotonic() - source.delay()
                self._hear(Block(samples, began))
        finally:
            self.xruns += source.xruns
            source.close()


def first_above(block: Block, level: int) -> float | None:
    """When the first sample beyond `level` passed."""
    for number, value in enumerate(memoryview(block.samples).cast("h")):
        if abs(value) > level:
            return block.began + number / AUDIO_CLOCK_RATE
    return None
