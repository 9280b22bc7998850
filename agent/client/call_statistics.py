"""The figures of a conversation: reports at intervals while it lasts, and its record at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from agent.core.call.incoming import IncomingCall
from agent.core.call.outgoing import OutgoingCall
from agent.core.statistics.call_record import call_record
from agent.core.statistics.reports import CallRecord, LocalStats, RemoteStats
from agent.core.statistics.statistics_log import StatisticsLog

logger = logging.getLogger(__name__)


def make_record(
    rules: IncomingCall | OutgoingCall, log: StatisticsLog, *, now: float, wall: float
) -> CallRecord:
    """The record of a call that is closed, incomplete where a figure cannot be computed."""
    try:
        return call_record(rules, log, now=now, wall=wall)
    except Exception:
        # a statistic that cannot be computed must not cost the call its end
        logger.exception("the record of %s is incomplete", rules.conversation)
        return call_record(rules, StatisticsLog(), now=now, wall=wall)


async def report_at_intervals(
    interval: float,
    ended: Callable[[], Awaitable[Any]],
    sample: Callable[[bool], tuple[LocalStats, RemoteStats] | None],
    emit: Callable[[Any], None],
) -> None:
    """Emit what `sample(True)` reports every `interval` seconds, until `ended()` returns; in
    between it is called with False about once a second.
    """
    loop = asyncio.get_running_loop()
    due, looks = loop.time(), max(1, round(interval))
    pause = interval / looks
    for number in count(1):
        due += pause
        try:
            async with asyncio.timeout_at(due):
                await ended()
        except TimeoutError:
            # what a stop of ours missed is not made up
            due = max(due, loop.time() - pause)
            for report in sample(number % looks == 0) or ():
                emit(report)
        else:
            return
