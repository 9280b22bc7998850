from __future__ import annotations

import asyncio

from agent.errors import MediaError
from agent.media.base.video_source import Emit, Fail
from agent.media.on_demand import OnDemandSource


class HandSource:
    """Emits what the test says."""

    emit: Emit[int]

    async def start(self, emit: Emit[int], fail: Fail) -> None:
        self.emit = emit
        emit(0)

    async def stop(self) -> None:
        """Nothing runs."""


class Member:
    def __init__(self) -> None:
        self.units: list[int] = []

    def put(self, unit: int) -> None:
        self.units.append(unit)

    def end(self, reason: MediaError) -> None:
        """Nothing waits."""


async def test_on_demand_source_delivers_at_once_from_the_loop_and_soon_from_a_thread() -> None:
    source, member = HandSource(), Member()
    started: list[list[int]] = []
    shared = OnDemandSource(source, on_start=lambda: started.append(list(member.units)))
    await shared.join(member)
    assert started == [[]], "what comes during the start waits for its end"
    await asyncio.to_thread(source.emit, 1)
    assert member.units == [0, 1]
    source.emit(2)
    assert member.units == [0, 1, 2]
    await shared.close()
