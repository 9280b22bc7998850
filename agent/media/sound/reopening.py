"""A card that comes and goes while a call needs it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from agent.errors import MediaUnavailable
from agent.media.base.worker import Ticker
from agent.media.sound.alsa_pcm import PERIOD_FRAMES
from agent.ports import PCM_FRAME_BYTES

logger = logging.getLogger(__name__)

RETRY = 0.5
"""Seconds between two tries to open a card: sound is back within two of plugging it in."""
_PERIOD = PERIOD_FRAMES / 100
_SILENCE = bytes(PERIOD_FRAMES * PCM_FRAME_BYTES)

Tell = Callable[[MediaUnavailable | None], None]


class _Closeable(Protocol):
    def close(self) -> None: ...


CardT = TypeVar("CardT", bound=_Closeable)


def pump_card(
    stopping: threading.Event,
    open_card: Callable[[], CardT],
    stand_in: CardT,
    move: Callable[[CardT], None],
    tell: Tell,
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """`move` a period of the card again and again, and of the `stand_in` while there is none, or
    none is `wanted`, so that time goes on for whoever reads or is read. `tell` why there is none;
    None: there is.
    """
    while not stopping.is_set():
        if not wanted():
            move(stand_in)
            continue
        try:
            card = open_card()
            tell(None)
            try:
                while wanted() and not stopping.is_set():
                    move(card)
            finally:
                card.close()
        except MediaUnavailable as error:
            tell(error)
            retry = time.monotonic() + RETRY
            while not stopping.is_set() and time.monotonic() < retry:
                move(stand_in)


class SilentSource:
    """Silence at the pace of a card (a `PcmSource`)."""

    def __init__(self) -> None:
        self._ticker = Ticker(_PERIOD)

    def read(self) -> bytes:
        time.sleep(self._ticker.next_wait())
        return _SILENCE

    def delay(self) -> float:
        return _PERIOD

    def close(self) -> None:
        """Nothing is open."""


class SilentPlayer:
    """Takes sound at the pace of a card, and plays nothing (a `PcmPlayer`)."""

    frames = PERIOD_FRAMES

    def __init__(self) -> None:
        self._ticker = Ticker(_PERIOD)

    def write(self, frames: bytes) -> None:  # noqa: ARG002
        time.sleep(self._ticker.next_wait())

    def delay(self) -> float:
        return 0.0

    def close(self) -> None:
        """Nothing is open."""


class ChangeTeller:
    """Logs what `pump_card` tells of an end of a card, and hands it on to the event loop, each
    change once.
    """

    def __init__(self, what: str, hand_on: Tell, loop: asyncio.AbstractEventLoop) -> None:
        self._what = what
        self._hand_on = hand_on
        self._loop = loop
        self._told: str | None = ""
        """Nothing yet."""

    def __call__(self, fault: MediaUnavailable | None) -> None:
        reason = None if fault is None else str(fault)
        if reason == self._told:
            return
        if reason is None:
            logger.info("the %s works", self._what)
        elif not self._told:
            logger.warning("no sound, the %s is missing: %s", self._what, reason)
        self._told = reason
        self._loop.call_soon_threadsafe(self._hand_on, fault)
