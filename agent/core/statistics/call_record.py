"""The call record that `closed` carries (PROTOCOL 5)."""

from __future__ import annotations

from agent.core.call.base_call import Call, Marks
from agent.core.call.reasons import CloseReason, Purpose, Side
from agent.core.statistics.reports import CallRecord, SetupTimes
from agent.core.statistics.statistics_log import StatisticsLog
from agent.core.timestamps import format_time


def call_record(
    call: Call, log: StatisticsLog, *, now: float, wall: float, reason: CloseReason | None = None
) -> CallRecord:
    """The record of a call that is closed, or of one that would end now, by this side, for
    `reason`. `now` is the clock of its inputs, `wall` the same instant in Unix seconds.

    Times of day are reckoned back from `wall`: a clock that is set during the call (a Pi boots in
    1970) does not distort the record. Raises ValueError where the call goes on and no reason is
    given.
    """
    if reason is not None:
        closed_by = Side.LOCAL
    elif call.closed is not None:
        reason, closed_by = call.closed.reason, call.closed.closed_by
    else:
        raise ValueError("the call is not closed")
    marks = call.marks
    ended = marks.ended if marks.ended is not None else now
    duration = max(0.0, ended - marks.connected) if marks.connected is not None else 0.0
    video, audio = log.totals(duration)

    def clock(mark: float | None) -> str | None:
        return None if mark is None else format_time(wall - (now - mark))

    return CallRecord(
        reason=reason,
        closed_by=closed_by,
        call_status=call.call_status,
        purpose=None if call.viewing.purpose is Purpose.TALK else call.viewing.purpose,
        invited_at=clock(marks.invited),
        answered_at=clock(marks.answered),
        connected_at=clock(marks.connected),
        talk_at=clock(marks.talk),
        ended_at=clock(ended),
        duration=round(duration, 3),
        setup=_setup(marks),
        path=log.path(),
        reconnects=call.reconnects,
        answered_by=call.answered_by,
        taken_by=call.taken_by,
        video=video,
        audio=audio,
        quality=log.quality(),
    )


def _setup(marks: Marks) -> SetupTimes:
    def since_invitation(mark: float | None) -> float | None:
        return None if mark is None else round((mark - marks.invited) * 1000, 1)

    return SetupTimes(
        response=since_invitation(marks.answered),
        ice=since_invitation(marks.ice),
        dtls=since_invitation(marks.connected),
        first_frame=since_invitation(marks.first_frame),
    )
