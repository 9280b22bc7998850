"""Packets that were made ahead leave at the pace of their sound."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from agent.media.sound.paced_packets import FRAMES_A_WAKE, FRAMES_AHEAD, PacedPackets
from agent.ports import AudioPacket


class Timers:
    """In place of the loop's `call_later`: time passes when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, delay: float, function: Callable[[], None]) -> Timers:
        self.due.append((self.now + delay, function))
        return self

    def cancel(self) -> None:
        self.due.clear()

    def pass_to_next(self) -> None:
        self.now, function = self.due.pop(0)
        function()


def frames() -> Iterator[list[AudioPacket]]:
    """Each third is of a pause, and sends nothing; all of them were made long ago."""
    for number in count():
        yield [] if number % 3 == 2 else [AudioPacket(b"x", number, 1.0)]


async def made_ahead() -> tuple[Timers, PacedPackets, list[AudioPacket]]:
    timers = Timers()
    sent: list[AudioPacket] = []
    paced = PacedPackets(sent.append, lambda: timers.now)
    paced._loop.call_later = timers.call_later  # type: ignore[method-assign, assignment]
    source = frames()
    paced.fill(lambda: next(source), threading.Event())
    await asyncio.sleep(0)
    return timers, paced, sent


async def test_paced_packets_leave_two_frames_at_a_time_as_if_captured_then() -> None:
    timers, paced, sent = await made_ahead()
    for _ in range(2):
        timers.pass_to_next()
    assert [packet.pts for packet in sent] == [0, 1, 3, 4]
    assert [round(packet.captured_at - 100.0, 3) for packet in sent] == [0, 0, 0.04, 0.08]
    paced.close()
    assert not timers.due
    assert len(sent) == 4


async def test_paced_packets_are_made_no_further_ahead_than_half_a_second() -> None:
    _, paced, _ = await made_ahead()
    assert len(paced._frames) == FRAMES_AHEAD - FRAMES_A_WAKE
    more = frames()
    paced.fill(lambda: next(more), threading.Event())
    assert len(paced._frames) == FRAMES_AHEAD
    paced.close()


async def test_paced_packets_that_come_late_go_on_at_the_same_pace() -> None:
    timers, paced, sent = await made_ahead()
    for _ in range(FRAMES_AHEAD):
        timers.pass_to_next()
    so_far = len(sent)
    late = frames()
    paced.fill(lambda: next(late), threading.Event())
    timers.pass_to_next()
    assert len(sent) == so_far + FRAMES_A_WAKE
    paced.close()


async def test_paced_packets_of_a_thread_that_is_stopped_are_not_made() -> None:
    stopping = threading.Event()
    stopping.set()
    paced = PacedPackets(lambda _packet: None)
    paced.fill(lambda: pytest.fail("made"), stopping)
    paced.close()
