"""The call record."""

from __future__ import annotations

import pytest

from agent.core.call import events as ev
from agent.core.call.reasons import CallStatus, CloseReason, Purpose, Side
from agent.core.statistics.call_record import call_record
from agent.core.statistics.statistics_log import StatisticsLog
from agent.core.timestamps import format_time
from tests.core.call.calls import CALLER, PARTY, feed, incoming

WALL = 1_795_342_500.123


def test_call_record_of_a_whole_call() -> None:
    call = incoming(now=100.0)
    feed(call, ev.AcceptRequested(), ev.DescriptionReady(0, "a"), now=100.05)
    feed(call, ev.IceConnected(0), now=100.08)
    feed(call, ev.PeerConnected(0), now=100.1)
    feed(call, ev.FirstFrameSeen(0), now=100.2)
    feed(call, ev.CloseReceived(CALLER, PARTY, CloseReason.USER_HANGUP), now=110.1)
    record = call_record(call, StatisticsLog(), now=110.1, wall=WALL)
    assert (record.reason, record.closed_by, record.call_status) == (
        CloseReason.USER_HANGUP,
        Side.REMOTE,
        CallStatus.ACCEPTED,
    )
    assert record.duration == pytest.approx(10.0)
    assert record.setup.model_dump() == {
        "response": 50.0,
        "ice": 80.0,
        "dtls": 100.0,
        "first_frame": 200.0,
    }
    assert record.ended_at == format_time(WALL)
    assert record.invited_at == format_time(WALL - 10.1)


def test_call_record_is_not_distorted_by_a_clock_that_was_set() -> None:
    """Times are reckoned back from the end, by the clock that never jumps."""
    call = incoming(now=100.0)
    feed(call, ev.RejectRequested(), now=101.0)
    record = call_record(call, StatisticsLog(), now=101.0, wall=WALL)
    assert (record.invited_at, record.ended_at) == (format_time(WALL - 1), format_time(WALL))
    assert record.connected_at is None
    assert record.duration == 0


def test_call_record_of_an_open_call_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="not closed"):
        call_record(incoming(), StatisticsLog(), now=1.0, wall=WALL)


def test_call_record_of_an_open_call_with_a_reason_ends_now() -> None:
    call = incoming(now=100.0)
    feed(call, ev.AcceptRequested(), ev.DescriptionReady(0, "a"), now=100.05)
    feed(call, ev.PeerConnected(0), now=100.1)
    record = call_record(
        call, StatisticsLog(), now=110.1, wall=WALL, reason=CloseReason.CRASH_RECOVERED
    )
    assert (record.reason, record.closed_by) == (CloseReason.CRASH_RECOVERED, Side.LOCAL)
    assert (record.ended_at, record.duration) == (format_time(WALL), 10.0)
    assert (record.path, record.video, record.audio, record.quality) == (None, None, None, None)


def test_call_record_says_of_a_view_what_it_was_and_when_it_became_a_talk() -> None:
    call = incoming(now=100.0, purpose=Purpose.VIEW)
    feed(call, ev.AcceptRequested(), ev.DescriptionReady(0, "a"), ev.PeerConnected(0), now=100.0)
    view = call_record(
        call, StatisticsLog(), now=101.0, wall=WALL, reason=CloseReason.CRASH_RECOVERED
    )
    assert (view.purpose, view.talk_at) == (Purpose.VIEW, None)
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "sdp", sends_sound=True), now=110.0)
    feed(call, ev.TalkAllowed(1, "sdp"), ev.PeerConnected(1), now=110.0)
    talk = call_record(
        call, StatisticsLog(), now=111.0, wall=WALL, reason=CloseReason.CRASH_RECOVERED
    )
    assert (talk.purpose, talk.talk_at) == (None, format_time(WALL - 1))


def test_call_record_names_who_answered_in_our_place() -> None:
    call = incoming(now=100.0)
    feed(call, ev.CloseReceived(CALLER, PARTY, CloseReason.ANSWERED_ELSEWHERE, "bob"), now=101.0)
    record = call_record(call, StatisticsLog(), now=101.0, wall=WALL)
    assert record.model_dump(by_alias=True)["takenBy"] == "bob"
