"""A broker that does not take our will is found out; a wrong password is no such thing."""

from __future__ import annotations

import pytest

from agent.signaling.broker import Will
from agent.signaling.mqtt.will_trial import REFUSED, RETRY, WillTrial

WILL = Will("x/status", b"offline")
NOT_AUTHORIZED = 135


@pytest.fixture
def trial() -> WillTrial:
    return WillTrial(WILL)


def test_will_trial_forbidden_will_is_left_out_and_told(trial: WillTrial) -> None:
    assert trial.for_next(0.0) is WILL
    assert trial.refused(NOT_AUTHORIZED), "tried at once without"
    assert trial.for_next(0.1) is None
    assert trial.accepted(0.1)
    assert (trial.fault, trial.topic) == (REFUSED, "x/status")
    # for a while
    assert trial.for_next(RETRY) is None
    assert trial.for_next(RETRY + 0.2) is WILL
    assert trial.accepted(RETRY + 0.2)
    assert trial.fault is None


def test_will_trial_wrong_password_goes_on_with_the_will(trial: WillTrial) -> None:
    for second in range(0, 100, 10):
        assert trial.for_next(second) is WILL
        assert trial.refused(NOT_AUTHORIZED)
        assert trial.for_next(second + 1) is None
        assert not trial.refused(NOT_AUTHORIZED)
    assert trial.fault is None


@pytest.mark.parametrize("code", [132, 133, 134, 136, 154, 155])
def test_will_trial_what_is_not_meant_for_the_will_changes_nothing(
    trial: WillTrial, code: int
) -> None:
    trial.for_next(0.0)
    assert not trial.refused(code)
    assert trial.for_next(1.0) is WILL


def test_will_trial_hang_ups_are_for_the_will_where_it_is_hung_up_once_more(
    trial: WillTrial,
) -> None:
    found = []
    for second in range(2):
        assert trial.for_next(second) is WILL
        found.append(trial.refused(None))
    assert found == [False, True]
    assert trial.for_next(2.0) is None
    assert not trial.accepted(2.0), "it may have been starting: asked again with the will"
    assert trial.for_next(3.0) is WILL
    assert trial.refused(None)
    assert trial.for_next(4.0) is None
    assert trial.accepted(4.0)
    assert trial.fault == REFUSED


def test_will_trial_broker_that_was_starting_has_the_will(trial: WillTrial) -> None:
    for second in range(2):
        trial.for_next(second)
        trial.refused(None)
    trial.for_next(2.0)
    assert not trial.accepted(2.0)
    assert trial.for_next(3.0) is WILL
    assert trial.accepted(3.0)
    assert trial.fault is None
    assert trial.for_next(4.0) is WILL


def test_will_trial_without_a_will_does_nothing() -> None:
    none = WillTrial(None)
    assert none.for_next(0.0) is None
    assert not none.refused(NOT_AUTHORIZED)
    assert none.accepted(0.0)
    assert (none.fault, none.topic, none.will) == (None, "", None)
