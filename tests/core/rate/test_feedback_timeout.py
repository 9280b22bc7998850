"""Whether the remote peer still reports."""

from __future__ import annotations

from agent.core.rate.feedback_timeout import REPORT_AGE, FeedbackTimeout, FeedbackTimeoutOptions

OPTIONS = FeedbackTimeoutOptions()


def test_feedback_timeout_never_expires_before_anything_was_heard() -> None:
    feedback = FeedbackTimeout()
    assert not feedback.expired(1000.0)
    assert not feedback.has_report(0.0)


def test_feedback_timeout_expires_once_an_interval() -> None:
    feedback = FeedbackTimeout()
    feedback.heard(0.0)
    expired = [tick / 5 for tick in range(60) if feedback.expired(tick / 5)]
    first = OPTIONS.timeout
    assert expired == [first + OPTIONS.interval * times for times in range(len(expired))]
    assert len(expired) == 4


def test_feedback_timeout_begins_anew_with_feedback_of_any_kind() -> None:
    feedback = FeedbackTimeout()
    feedback.reported(0.0)
    feedback.heard(OPTIONS.timeout)
    assert not feedback.expired(OPTIONS.timeout + 1)
    assert feedback.has_report(REPORT_AGE)
    assert not feedback.has_report(REPORT_AGE + 0.1)
