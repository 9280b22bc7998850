"""When READY is said, and when the watchdog is fed. Time is the event loop's, which stands still
between events.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from agent.service.heartbeat import Heartbeat
from agent.service.notify import Notifier
from agent.service.process_health import Vitals
from agent.service.status_snapshot import Phase, Snapshot
from tests.service.snapshots import call, snapshot
from tests.waiting import PATIENCE


class Patient:
    """A device, and what its heartbeat has said."""

    def __init__(self) -> None:
        self.now: Snapshot = snapshot()
        self.vitals = Vitals()
        self.sent: list[str] = []
        self._said = asyncio.Event()

    def hear(self, text: str) -> None:
        self.sent.append(text)
        self._said.set()

    async def heard(self, condition: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition(self.sent):
                self._said.clear()
                await self._said.wait()


@asynccontextmanager
async def beating(
    patient: Patient, watchdog: float | None = None, ready_timeout: float = 10.0
) -> AsyncIterator[Heartbeat]:
    heartbeat = Heartbeat(
        Notifier(patient.hear),
        lambda: patient.now,
        lambda: patient.vitals,
        watchdog=watchdog,
        ready_timeout=ready_timeout,
    )
    task = asyncio.create_task(heartbeat.run())
    try:
        yield heartbeat
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), task.exception()


async def test_ready_at_once_where_nothing_is_lacking() -> None:
    patient = Patient()
    async with beating(patient):
        await patient.heard(bool)
    assert patient.sent == ["READY=1\nSTATUS=idle; broker 127.0.0.1:1883"]


async def test_ready_once_the_broker_has_answered() -> None:
    patient = Patient()
    patient.now = snapshot(broker_connected=False)
    async with beating(patient) as heartbeat:
        await patient.heard(bool)
        assert patient.sent == ["STATUS=waiting for the broker 127.0.0.1:1883"]
        patient.now = snapshot()
        heartbeat.nudge()
        await heartbeat.ready.wait()
    assert patient.sent[1:] == ["READY=1\nSTATUS=idle; broker 127.0.0.1:1883"]


async def test_ready_after_a_while_whatever_is_lacking() -> None:
    patient = Patient()
    patient.now = snapshot(broker_connected=False)
    async with beating(patient, ready_timeout=0.05) as heartbeat:
        await asyncio.wait_for(heartbeat.ready.wait(), PATIENCE)
    assert patient.sent[-1] == "READY=1\nSTATUS=waiting for the broker 127.0.0.1:1883"


async def test_ready_is_said_once_and_changes_are_said_as_they_come() -> None:
    patient = Patient()
    async with beating(patient) as heartbeat:
        await heartbeat.ready.wait()
        patient.now = snapshot(call())
        heartbeat.nudge()
        await patient.heard(lambda sent: len(sent) == 2)
    assert patient.sent[1:] == ["STATUS=in a call with front-desk"]


async def test_watchdog_is_fed_in_good_health() -> None:
    patient = Patient()
    async with beating(patient, watchdog=0.02):
        await patient.heard(lambda sent: sent.count("WATCHDOG=1") >= 3)


async def test_nudges_do_not_feed_the_watchdog_more_often() -> None:
    patient = Patient()
    async with beating(patient, watchdog=20) as heartbeat:
        await heartbeat.ready.wait()
        for _ in range(5):
            heartbeat.nudge()
            await asyncio.sleep(0)
    assert patient.sent.count("WATCHDOG=1") == 1


async def test_watchdog_goes_hungry_in_bad_health(caplog: pytest.LogCaptureFixture) -> None:
    patient = Patient()
    patient.vitals = Vitals(starved=60)
    async with beating(patient, watchdog=0.02):
        await patient.heard(bool)
        # several of its meals
        await asyncio.sleep(0.1)
        assert "WATCHDOG=1" not in patient.sent
        patient.vitals = Vitals()
        await patient.heard(lambda sent: "WATCHDOG=1" in sent)
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == ["the camera has given no frame for 60 s of a call: the watchdog is not fed"]
    assert any(record.getMessage().startswith("recovered") for record in caplog.records)


async def test_nobody_is_fed_without_a_watchdog() -> None:
    patient = Patient()
    async with beating(patient) as heartbeat:
        await heartbeat.ready.wait()
    assert "WATCHDOG=1" not in patient.sent


async def test_reload_is_framed() -> None:
    patient = Patient()
    async with beating(patient) as heartbeat:
        await heartbeat.ready.wait()
        heartbeat.reloading()
        heartbeat.reloaded("not reloaded, the old rules stay: x")
        heartbeat.reloading()
        heartbeat.reloaded()
    kinds = [text.split("\n", 1)[0] for text in patient.sent[1:]]
    assert kinds == ["RELOADING=1", "READY=1", "RELOADING=1", "READY=1"]
    assert patient.sent[2].endswith("STATUS=not reloaded, the old rules stay: x")
    assert patient.sent[4].endswith("STATUS=idle; broker 127.0.0.1:1883")


async def test_stopping_asks_for_time() -> None:
    patient = Patient()
    async with beating(patient) as heartbeat:
        await heartbeat.ready.wait()
        patient.now = snapshot(call(), phase=Phase.STOPPING)
        heartbeat.stopping()
    assert patient.sent[1] == "STOPPING=1\nSTATUS=hanging up with front-desk"
    assert patient.sent[2].startswith("EXTEND_TIMEOUT_USEC=")
