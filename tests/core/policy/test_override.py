"""What an operator puts in place of the rules, and what it does not lift."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from agent.core.call.decision import Action, Decision
from agent.core.call.values import MediaGrant
from agent.core.policy.override import PolicyOverride
from agent.core.policy.rate_limiter import CallHistory
from tests.core.policy.test_policy import SUNDAY_NOON, decide, invitation, policy, rule


def test_override_decides_before_any_rule_until_it_ends() -> None:
    until = SUNDAY_NOON + timedelta(minutes=5)
    rules = policy(rule(action="reject"), max_duration=60.0).overridden(
        PolicyOverride(action=Action.RING, until=until)
    )

    def at(when: datetime) -> Decision:
        return rules.decide(invitation(), at=when, history=CallHistory())

    assert at(SUNDAY_NOON) == Decision(Action.RING, "override", None, MediaGrant(max_duration=60.0))
    assert at(until - timedelta(microseconds=1)).rule == "override"
    assert at(until).rule == "a rule"


def test_override_without_an_end_stays_until_it_is_taken_back() -> None:
    rules = policy(rule()).overridden(PolicyOverride(action=Action.REJECT))
    assert decide(rules) == Decision(Action.REJECT, "override", "not_allowed")
    assert decide(rules.overridden(None)).rule == "a rule"


@pytest.mark.parametrize(
    "values",
    [{"action": "busy"}, {"action": "x"}, {"action": "ring", "until": "2026-11-22T12:00:00"}],
)
def test_override_that_cannot_be_used_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"action|until"):
        PolicyOverride.model_validate(values)


def test_override_is_told_in_an_explanation() -> None:
    override = PolicyOverride(action=Action.ACCEPT, until=SUNDAY_NOON + timedelta(hours=1))
    explanation = (
        policy(rule())
        .overridden(override)
        .explain(invitation(), at=SUNDAY_NOON, history=CallHistory())
    )
    assert explanation.override == "overridden: accept every call until 2026-11-22T13:00:00+00:00"
    assert [each.decides for each in explanation.rules] == [False]


@pytest.mark.parametrize("action", [Action.ACCEPT, Action.RING])
def test_override_does_not_lift_the_signature_of_the_matching_rule(action: Action) -> None:
    rules = policy(
        rule(name="unsigned", callers=["guest"]), rule(name="signed", signed=True)
    ).overridden(PolicyOverride.model_validate({"action": action}))
    assert decide(rules) == Decision(Action.REJECT, "signed", "signature")
    assert decide(rules, signed=True).action is action
    # what another rule demands of others is nothing to this caller
    assert decide(rules, "guest").rule == "override"


def test_override_keeps_the_limit_of_every_call() -> None:
    rules = policy(rule(), max_duration=60.0).overridden(PolicyOverride(action=Action.ACCEPT))
    assert decide(rules).max_duration == 60.0


@pytest.mark.parametrize(
    ("action", "by"),
    [(Action.ACCEPT, "a rule"), (Action.RING, "a rule"), (Action.REJECT, "override")],
)
def test_override_that_lets_in_does_not_apply_while_the_clock_is_unset(
    action: Action, by: str
) -> None:
    override = PolicyOverride.model_validate(
        {"action": action, "until": SUNDAY_NOON + timedelta(hours=1)}
    )
    decision = (
        policy(rule(action="busy"))
        .overridden(override)
        .decide(invitation(), at=SUNDAY_NOON, history=CallHistory(), clock_is_set=False)
    )
    assert decision.rule == by
