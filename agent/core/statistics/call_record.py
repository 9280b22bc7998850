"""The call record that `closed` carries (PROTOCOL 5)."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.core.call.machine import Call
from agent.core.statistics.reports import CallRecord, SetupTimes
from agent.core.statistics.statistics_log import StatisticsLog


def call_record(call: Call, log: StatisticsLog, *, now: float, wall: float) -> CallRecord:
    """The record of a call that is closed. `now` is the clock of its inputs, `wall` the same
    instant in Unix seconds.

    Times of day are reckoned back from `wall`: a clock that is set during the call (a Pi boots in
    1970) does not distort the record.
    """
    if call.closed is None:
        raise ValueError("the call is not closed")
    marks = call.marks
    ended = marks.ended if marks.ended is not None else now
    duration = max(0.0, ended - marks.connected) if marks.connected is not None else 0.0
    video, audio = log.totals(duration)

    def clock(mark: float | None) -> str | None:
        return None if mark is None else rfc3339(wall - (now - mark))

    def since(mark: float | None) -> float | None:
        return None if mark is None else round((mark - marks.invited) * 1000, 1)

    return CallRecord(
        reason=call.closed.reason,
        closed_by=call.closed.closed_by,
        call_status=call.call_status,
        invited_at=clock(marks.invited),
        answered_at=clock(marks.answered),
        connected_at=clock(marks.connected),
        ended_at=clock(ended),
        duration=round(duration, 3),
        setup=SetupTimes(
            response=since(marks.answered),
            ice=since(marks.ice),
            dtls=since(marks.connected),
            first_frame=since(marks.first_frame),
        ),
        path=log.path(),
        reconnects=call.reconnects,
        video=video,
        audio=audio,
        quality=log.quality(),
    )


def rfc3339(unix_seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds, as every time on the wire."""
    text = datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
