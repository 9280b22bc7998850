"""Reports as they go out."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.core.call.reasons import CloseReason, Side
from agent.core.statistics.reports import CallRecord, LocalStats, SentMedia


def test_report_is_camel_case_and_leaves_unknown_values_out() -> None:
    report = LocalStats(video=SentMedia(frames_per_second=30.0, key_frames_sent=2))
    assert report.model_dump(by_alias=True, exclude_none=True) == {
        "video": {"framesPerSecond": 30.0, "keyFramesSent": 2}
    }


def test_report_takes_both_spellings_and_ignores_what_it_does_not_know() -> None:
    assert SentMedia.model_validate({"bytesSent": 1, "future": 2}) == SentMedia(bytes_sent=1)


def test_report_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        SentMedia().bitrate = 1


def test_call_record_needs_a_reason_and_a_side() -> None:
    record = CallRecord(reason=CloseReason.USER_HANGUP, closed_by=Side.REMOTE)
    assert (record.duration, record.reconnects, record.path) == (0.0, 0, None)
    with pytest.raises(ValidationError):
        CallRecord.model_validate({})
