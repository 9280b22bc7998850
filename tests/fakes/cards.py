"""Sound cards that a test plugs in and pulls."""

from __future__ import annotations

import threading

from agent.errors import MediaUnavailable
from tests.fakes.playout import constant


class FakeCard:
    """Both ends of a card: a `PcmSource` that hears `value`, a `PcmPlayer` that keeps what it
    plays.
    """

    frames = 2

    def __init__(self, value: int = 1000) -> None:
        self.value = value
        self.plugged = True
        self.opened = 0
        self.closed = 0
        self.played: list[bytes] = []
        self.turned = threading.Condition()

    def open(self) -> FakeCard:
        self._check()
        self.opened += 1
        return self

    def read(self) -> bytes:
        self._turn()
        return constant(self.value) * 2

    def write(self, frames: bytes) -> None:
        self.played.append(frames)
        self._turn()

    def delay(self) -> float:
        return 0.02

    def close(self) -> None:
        self.closed += 1

    @property
    def is_open(self) -> bool:
        return self.opened > self.closed

    def _turn(self) -> None:
        self._check()
        threading.Event().wait(0.001)

    def _check(self) -> None:
        if not self.plugged:
            raise MediaUnavailable("card: it is not plugged in")
