"""When a broker counts as silent."""

from __future__ import annotations

import math

from agent.signaling.mqtt.answer_deadline import GRACE, TIMEOUT, AnswerDeadline


def test_answer_deadline_is_never_while_nothing_is_owed() -> None:
    assert AnswerDeadline().due == math.inf


def test_answer_deadline_counts_from_the_first_that_was_asked() -> None:
    deadline = AnswerDeadline()
    deadline.ask(100.0)
    deadline.ask(105.0)
    assert deadline.due == 100.0 + TIMEOUT


def test_answer_deadline_quiet_is_who_says_nothing_beyond_our_keep_alive() -> None:
    deadline = AnswerDeadline(30)
    assert not deadline.quiet(1e9)
    deadline.arrived(100.0)
    assert not deadline.quiet(130.0 + GRACE)
    assert deadline.quiet(130.1 + GRACE)
    deadline.ask(141.0)
    assert not deadline.quiet(142.0)
    deadline.arrived(142.0)
    assert deadline.due == math.inf


def test_answer_deadline_ends_with_whatever_arrives() -> None:
    deadline = AnswerDeadline()
    deadline.ask(100.0)
    deadline.heard()
    assert deadline.due == math.inf
    deadline.ask(107.0)
    assert deadline.due == 107.0 + TIMEOUT
