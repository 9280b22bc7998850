"""Reports at intervals, and a record in any case."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent.client.call_statistics import make_record, report_at_intervals
from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import Timing
from agent.core.call.reasons import CloseReason
from agent.core.statistics.statistics_log import StatisticsLog


async def test_report_at_intervals_until_the_end() -> None:
    ended, emitted = asyncio.Event(), list[Any]()

    def sample(_reports: bool) -> Any:
        if len(emitted) >= 4:
            ended.set()
        return "local", "remote"

    await report_at_intervals(0.001, ended.wait, sample, emitted.append)
    assert emitted[:4] == ["local", "remote"] * 2


async def test_report_at_intervals_nothing_while_there_is_nothing_to_report() -> None:
    ended, asked = asyncio.Event(), 0

    def sample(_reports: bool) -> Any:
        nonlocal asked
        asked += 1
        if asked == 3:
            ended.set()

    await report_at_intervals(
        0.001, ended.wait, sample, lambda report: pytest.fail(f"{report} was emitted")
    )


async def test_report_at_intervals_looks_each_second_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended, asked, emitted = asyncio.Event(), list[bool](), list[Any]()
    # no time passes
    monkeypatch.setattr(asyncio, "timeout_at", lambda _due: asyncio.timeout(0))

    def sample(reports: bool) -> Any:
        asked.append(reports)
        if len(asked) == 6:
            ended.set()
        return ("report",) if reports else None

    await report_at_intervals(3.0, ended.wait, sample, emitted.append)
    assert asked == [False, False, True] * 2
    assert emitted == ["report"] * 2


def test_make_record_of_statistics_that_cannot_be_computed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("a bug")

    call = IncomingCall(ev.Invitation("c", "alice", "p", "v=0", 30.0), "own", Timing(), 0.0)
    call.handle(ev.RejectRequested(), 1.0)
    log = StatisticsLog()
    monkeypatch.setattr(log, "totals", broken)
    record = make_record(call, log, now=2.0, wall=1_800_000_000.0)
    assert record.reason is CloseReason.REJECTED
    assert "a bug" in caplog.text
