"""A probe on its way out."""

from __future__ import annotations

import asyncio

import pytest

from agent.core.rate.probing import Probe
from agent.webrtc.sending.probe_burst import ProbeBurst
from tests.waiting import PATIENCE

OCTETS = 1250
PROBE = Probe(bitrate=2e6, seconds=0.05)


class Wire:
    """`takes`: packets, before it is gone."""

    def __init__(self, takes: int = 1000) -> None:
        self.octets = 0
        self.bursts: list[float] = []
        self.ended = asyncio.Event()
        self.burst = ProbeBurst(self._send, lambda: self.octets)
        self._left = takes

    def _send(self) -> int:
        if not self._left:
            return 0
        self._left -= 1
        self.octets += OCTETS
        self.bursts.append(asyncio.get_running_loop().time())
        return OCTETS


async def test_probe_burst_sends_as_much_as_was_asked_and_not_at_once() -> None:
    wire = Wire()
    wire.burst.start(PROBE, wire.ended.set)
    # a tick's worth
    assert OCTETS <= wire.octets <= 2 * PROBE.bitrate / 8 * 0.01
    assert wire.burst.running
    async with asyncio.timeout(PATIENCE):
        await wire.ended.wait()
    asked = PROBE.bitrate * PROBE.seconds / 8
    assert asked <= wire.octets < asked + OCTETS
    assert wire.bursts[-1] - wire.bursts[0] >= PROBE.seconds / 2
    assert not wire.burst.running


async def test_probe_burst_counts_pictures_that_leave_meanwhile() -> None:
    wire = Wire()
    wire.octets = 50_000
    wire.burst.start(PROBE, wire.ended.set)
    wire.octets += 9_000
    async with asyncio.timeout(PATIENCE):
        await wire.ended.wait()
    assert len(wire.bursts) <= 5


@pytest.mark.parametrize("takes", [0, 1])
async def test_probe_burst_ends_with_its_transport(takes: int) -> None:
    wire = Wire(takes)
    wire.burst.start(PROBE, wire.ended.set)
    async with asyncio.timeout(PATIENCE):
        await wire.ended.wait()
    assert len(wire.bursts) == takes


async def test_probe_burst_that_is_stopped_sends_nothing_more() -> None:
    wire, done = Wire(), asyncio.Event()
    wire.burst.start(PROBE, wire.ended.set)
    wire.burst.stop()
    sent = wire.octets
    other = Wire()
    other.burst.start(PROBE, done.set)
    async with asyncio.timeout(PATIENCE):
        await done.wait()
    assert (wire.octets, wire.ended.is_set()) == (sent, False)
