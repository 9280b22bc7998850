"""`health`, each minute and when something fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from agent.counts import RefusalCounts, RefusalKind
from agent.device.device_state import DeviceState
from agent.device.health_publisher import (
    INTERVAL,
    SHORTEST,
    HealthPublisher,
    HealthSources,
    fault_codes,
)
from agent.errors import MediaError, MediaUnavailable
from agent.service.board_health import BoardHealth, Wifi
from agent.service.run_history import RunHistory
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.outbox.outbox_options import OutboxHealth
from tests.fakes.broker import FakeBroker
from tests.fakes.manual_clock import ManualClock
from tests.fakes.network import FakeNetwork

TOPIC = "callbox/v1/door-1/health"


class Waits:
    """Waits that a test lets end: `event` or the time, whichever it says."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._begun: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self._over = asyncio.Event()

    async def __call__(self, event: asyncio.Event, seconds: float) -> None:
        self.seconds.append(seconds)
        self._begun.put_nowait(event)
        timer = asyncio.create_task(self._over.wait())
        changed = asyncio.create_task(event.wait())
        await asyncio.wait({timer, changed}, return_when=asyncio.FIRST_COMPLETED)
        for task in (timer, changed):
            task.cancel()
        self._over.clear()

    async def begun(self) -> asyncio.Event:
        return await self._begun.get()

    def time_is_over(self) -> None:
        self._over.set()


@dataclass
class _Outbox:
    health = OutboxHealth(trouble=None, waiting=4, lost=0, recovered=0, set_aside=0)


@dataclass
class Door:
    network: FakeNetwork
    broker: FakeBroker
    state: DeviceState
    counts: RefusalCounts
    clock: ManualClock
    waits: Waits
    publisher: HealthPublisher

    def said(self) -> list[Any]:
        return [json.loads(each.payload) for each in self.network.published if each.topic == TOPIC]


@asynccontextmanager
async def door(folder: Path, board: Callable[[], BoardHealth] = BoardHealth) -> AsyncIterator[Door]:
    network = FakeNetwork()
    broker = FakeBroker(network, "door-1")
    state, counts, clock, waits = DeviceState("auto"), RefusalCounts(), ManualClock(), Waits()
    sources = HealthSources(
        board=board,
        history=RunHistory(folder, "boot-1"),
        outbox=cast("Outbox", _Outbox()),
        counts=counts,
        now=lambda: 1_800_000_000.0,
        monotonic=clock,
    )
    health = HealthPublisher(broker, TOPIC, state, sources, waits)
    parts = Door(network, broker, state, counts, clock, waits, health)
    async with broker:
        await broker.wait_connected(30)
        async with health:
            # it has spoken once, and rests
            await parts.waits.begun()
            yield parts


async def test_health_has_the_names_of_the_protocol(tmp_path: Path) -> None:
    board = BoardHealth(
        temperature_celsius=48.3, undervoltage=False, load1=0.5, wifi=Wifi(-54, 72.2)
    )
    async with door(tmp_path, lambda: board) as here:
        (said,) = here.said()
        (published,) = (each for each in here.network.published if each.topic == TOPIC)
    assert said == {
        "timestamp": "2027-01-15T08:00:00.000Z",
        "temperatureCelsius": 48.3,
        "undervoltage": False,
        "load1": 0.5,
        "wifi": {"rssiDbm": -54, "linkMbps": 72.2},
        "processUptimeSeconds": 0.0,
        "restarts": 0,
        "crashes": 0,
        "outboxWaiting": 4,
        "counters": {
            "refusedDatagrams": 0,
            "throttledMessages": 0,
            "refusedLogins": 0,
            "refusedCommands": 0,
        },
        "faults": [],
    }
    assert (published.qos, published.retain) == (0, False)


async def test_health_counts_what_was_refused(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        for number, kind in enumerate(RefusalKind, start=1):
            here.counts.count(kind, number)
        await next_one(here)
        counters = here.said()[-1]["counters"]
    kinds = list(RefusalKind)
    assert counters == {
        "refusedDatagrams": kinds.index(RefusalKind.DATAGRAM) + 1,
        "throttledMessages": kinds.index(RefusalKind.MESSAGE)
        + kinds.index(RefusalKind.INVITATION)
        + 2,
        "refusedLogins": kinds.index(RefusalKind.LOGIN) + 1,
        "refusedCommands": kinds.index(RefusalKind.COMMAND) + 1,
    }


async def next_one(here: Door) -> None:
    """Let the time pass until it speaks again."""
    for _ in range(2):
        here.waits.time_is_over()
        await here.waits.begun()


async def test_health_comes_each_minute_spread(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        for _ in range(20):
            await next_one(here)
        assert len(here.said()) == 21
    pauses = {
        rest + pause for rest, pause in zip(*[iter(here.waits.seconds[:40])] * 2, strict=True)
    }
    assert all(0.9 * INTERVAL <= pause <= 1.1 * INTERVAL for pause in pauses)
    assert len(pauses) > 10


async def test_health_comes_at_once_when_something_fails_or_works_again(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        for reason in (MediaError("unplugged"), None):
            # the shortest rest is over; then only a change ends the wait
            here.waits.time_is_over()
            await here.waits.begun()
            here.state.camera_failed(reason)
            await here.waits.begun()
        assert [each["faults"] for each in here.said()] == [[], ["camera_lost"], []]


async def test_health_of_many_changes_is_one_after_the_shortest_rest(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        for number in range(10):
            here.state.part_failed("page", f"reason {number}")
            here.state.records_changed(f"trouble {number}")
        assert len(here.said()) == 1
        assert here.waits.seconds == [SHORTEST]
        here.waits.time_is_over()
        # the next wait, for a change that has come, ends by itself
        for _ in range(2):
            await here.waits.begun()
        assert [each["faults"] for each in here.said()] == [[], ["page_failed", "record_not_kept"]]


async def test_health_that_cannot_be_read_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers: Iterator[BoardHealth | Exception] = iter(
        [BoardHealth(load1=0.5), RuntimeError("a driver"), BoardHealth(load1=0.7)]
    )

    def look() -> BoardHealth:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with door(tmp_path, look) as here:
        for _ in range(2):
            await next_one(here)
        assert [each["load1"] for each in here.said()] == [0.5, 0.7]
    assert "could not be told" in caplog.text


async def test_health_changes_that_are_no_faults_wake_nobody(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        here.waits.time_is_over()
        due = await here.waits.begun()
        here.state.changed()
        assert not due.is_set()


async def test_health_comes_again_with_the_connection(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        here.network.stop()
        here.waits.time_is_over()
        await here.waits.begun()
        here.state.camera_failed(MediaError("unplugged"))
        await here.waits.begun()
        assert len(here.said()) == 1
        here.network.start()
        await here.broker.wait_connected(30)
        here.waits.time_is_over()
        for _ in range(2):
            await here.waits.begun()
        assert here.said()[-1]["faults"] == ["camera_lost"]


async def test_health_comes_again_for_whoever_has_missed_it(tmp_path: Path) -> None:
    async with door(tmp_path) as here:
        here.waits.time_is_over()
        await here.waits.begun()
        here.publisher.due()
        await here.waits.begun()
        assert len(here.said()) == 2


def test_fault_codes_of_a_device_in_good_order_are_none() -> None:
    assert fault_codes(DeviceState("auto")) == ()


def test_fault_codes_are_in_order() -> None:
    state = DeviceState("auto")
    state.records_changed("disk is full")
    state.camera_failed(MediaError("none found"))
    state.part_failed("home assistant", "refused")
    state.sound_failed("speaker", MediaUnavailable("gone"))
    codes = ("camera_lost", "home_assistant_failed", "record_not_kept", "speaker_lost")
    assert fault_codes(state) == codes
