"""Which rule decides, and what it grants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.call.decision import Action, Decision
from agent.core.call.events import Invitation, MediaGrant
from agent.core.call.reasons import AudioDirection, SharedBitrate
from agent.core.policy.rate_limiter import CallHistory
from agent.core.policy.rules import Policy, Rule

SUNDAY_NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def rule(**values: Any) -> Rule:
    return Rule.model_validate({"name": "a rule", "action": "accept", **values})


def policy(*rules: Rule, max_duration: float | None = None) -> Policy:
    return Policy(rules, timezone=UTC, max_duration=max_duration)


def invitation(caller: str = "front-desk", *, signed: bool = False) -> Invitation:
    return Invitation("c-1", caller, "p-1", "v=0", 30.0, signed=signed)


def decide(subject: Policy, caller: str = "front-desk", *, signed: bool = False) -> Decision:
    return subject.decide(invitation(caller, signed=signed), at=SUNDAY_NOON, history=CallHistory())


def test_policy_without_rules_every_call_is_rejected() -> None:
    assert decide(policy()) == Decision(Action.REJECT, None, "not_allowed")


def test_policy_no_rule_that_matches_is_a_rejection() -> None:
    assert decide(policy(rule(callers=["family-*"]))) == Decision(
        Action.REJECT, None, "not_allowed"
    )


def test_policy_first_rule_that_matches_decides() -> None:
    rules = policy(
        rule(name="others", callers=["x"], action="ring"),
        rule(name="desk", callers=["front-*"], action="busy"),
        rule(name="later", callers=["front-desk"]),
    )
    assert decide(rules) == Decision(Action.BUSY, "desk", "busy")


def test_policy_accept_and_ring_grant_the_media_of_the_rule() -> None:
    for action in (Action.ACCEPT, Action.RING):
        values = {
            "video": False,
            "audio": "receive",
            "max_duration": "10m",
            "shared_bitrate": "ignore",
            "ice_servers": True,
        }
        decision = decide(policy(rule(action=action, **values)))
        grant = MediaGrant(False, AudioDirection.RECEIVE, 600.0, SharedBitrate.IGNORE, True)
        assert decision == Decision(action, "a rule", None, grant)
        assert decision.max_duration == 600.0


def test_policy_without_a_word_lets_nobody_bring_ice_servers() -> None:
    assert decide(policy(rule())).grant.ice_servers is False


def test_policy_every_call_slows_the_shared_encoder_unless_a_rule_says_otherwise() -> None:
    assert decide(policy(rule())).grant.shared_bitrate is SharedBitrate.FOLLOW
    with pytest.raises(ValueError, match="shared_bitrate"):
        rule(shared_bitrate="sometimes")


@pytest.mark.parametrize(
    ("of_rule", "of_all", "expected"),
    [
        (None, None, None),
        ("10m", None, 600.0),
        (None, 60.0, 60.0),
        ("10m", 60.0, 60.0),
        ("30s", 60.0, 30.0),
    ],
)
def test_policy_shorter_limit_counts(
    of_rule: str | None, of_all: float | None, expected: float | None
) -> None:
    assert decide(policy(rule(max_duration=of_rule), max_duration=of_all)).max_duration == expected


def test_policy_refusals_carry_their_reason() -> None:
    assert decide(policy(rule(action="reject"))).reason == "not_allowed"
    assert decide(policy(rule(action="reject", reason="night"))).reason == "night"
    assert decide(policy(rule(action="busy", reason="do_not_disturb"))).reason == "do_not_disturb"


def test_policy_rule_that_demands_a_signature_rejects_an_invitation_without() -> None:
    rules = policy(rule(name="signed", signed=True), rule(name="anybody"))
    assert decide(rules) == Decision(Action.REJECT, "signed", "signature")
    assert decide(rules, signed=True).action is Action.ACCEPT
    elsewhere = policy(rule(name="signed", signed=True, callers=["other"]), rule(name="anybody"))
    assert decide(elsewhere).rule == "anybody"


@pytest.mark.parametrize(
    ("pattern", "caller", "matches"),
    [
        ("front-desk", "front-desk", True),
        ("front-desk", "Front-desk", False),
        ("front-desk", "front-desk2", False),
        ("family-*", "family-", True),
        ("family-*", "my-family-x", False),
        ("door-?", "door-1", True),
        ("door-?", "door-12", False),
        ("door-?", "door-", False),
        ("a.c", "abc", False),
        ("*", "anyone", True),
    ],
)
def test_policy_caller_patterns(pattern: str, caller: str, matches: bool) -> None:
    assert (decide(policy(rule(callers=[pattern])), caller).action is Action.ACCEPT) is matches


def test_policy_many_stars_do_not_take_forever() -> None:
    assert decide(policy(rule(callers=["a*" * 31 + "b"])), "a" * 64).rule is None


def glob(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(glob(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and glob(pattern[1:], text[1:])


@hypothesis.settings(deadline=None)
@given(st.text("ab.*?", min_size=1, max_size=6), st.text("ab.", min_size=1, max_size=6))
def test_policy_patterns_mean_what_stars_and_question_marks_say(pattern: str, caller: str) -> None:
    assert (decide(policy(rule(callers=[pattern])), caller).rule is not None) == glob(
        pattern, caller
    )


# --- rate -----------------------------------------------------------------------------------------


def test_policy_rate_hands_over_to_the_next_rule_when_it_is_used_up() -> None:
    rules = policy(rule(name="some", rate="2/h"), rule(name="rest", action="ring"))
    history = CallHistory()
    decided = []
    for minute in (0, 10, 20, 59, 60, 61, 70):
        at = SUNDAY_NOON + timedelta(minutes=minute)
        decision = rules.decide(invitation(), at=at, history=history)
        history.record(decision.rule, "front-desk", at)
        decided.append(decision.rule)
    assert decided == ["some", "some", "rest", "rest", "some", "rest", "some"]


def test_policy_rate_is_for_each_caller() -> None:
    history = CallHistory()
    rules = policy(rule(rate="1/h"))
    history.record("a rule", "front-desk", SUNDAY_NOON)
    assert rules.decide(invitation(), at=SUNDAY_NOON, history=history).rule is None
    assert rules.decide(invitation("family-1"), at=SUNDAY_NOON, history=history).rule == "a rule"


def test_policy_deciding_alone_uses_nothing_up() -> None:
    history = CallHistory()
    rules = policy(rule(rate="1/h"))
    assert [rules.decide(invitation(), at=SUNDAY_NOON, history=history).rule for _ in range(3)] == [
        "a rule"
    ] * 3


@hypothesis.settings(deadline=None)
@given(st.lists(st.integers(0, 200), max_size=40), st.integers(1, 4))
def test_policy_no_window_holds_more_calls_than_the_rate(steps: list[int], calls: int) -> None:
    rules, history, at = policy(rule(rate=f"{calls}/10m")), CallHistory(), SUNDAY_NOON
    accepted: list[datetime] = []
    for step in steps:
        at += timedelta(seconds=step)
        recent = [time for time in accepted if time > at - timedelta(minutes=10)]
        decision = rules.decide(invitation(), at=at, history=history)
        assert (decision.action is Action.ACCEPT) == (len(recent) < calls)
        history.record(decision.rule, "front-desk", at)
        if decision.action is Action.ACCEPT:
            accepted.append(at)


# --- in words -------------------------------------------------------------------------------------


def test_policy_explanation_tells_of_every_rule() -> None:
    rules = policy(
        rule(
            name="family by day",
            callers=["front-desk", "family-*"],
            days=["mon-fri"],
            hours="07:00-22:00",
            timezone="Europe/Berlin",
        ),
        rule(name="rarely", rate="3/h", signed=True),
        rule(name="late", hours="18:00-23:00", callers=["desk"]),
        rule(name="everybody else", action="reject"),
    )
    explanation = rules.explain(invitation("family-x"), at=SUNDAY_NOON, history=CallHistory())
    assert [(each.rule, each.matches, each.decides) for each in explanation.rules] == [
        ("family by day", False, False),
        ("rarely", True, True),
        ("late", False, False),
        ("everybody else", True, False),
    ]
    assert [check.text for each in explanation.rules for check in each.checks] == [
        "caller 'family-x' matches 'family-*'",
        "today is sunday, the rule is for mon-fri",
        "13:00 in Europe/Berlin is within 07:00-22:00",
        "caller 'family-x' matches '*'",
        "0 of 3 calls within 1h used",
        "the invitation is not signed: it is rejected",
        "caller 'family-x' matches none of 'desk'",
        "12:00 in UTC is outside 18:00-23:00",
        "caller 'family-x' matches '*'",
    ]
    assert explanation.decision == Decision(Action.REJECT, "rarely", "signature")
    assert explanation.override is None


def test_policy_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        policy().decide(invitation(), at=datetime(2026, 11, 22), history=CallHistory())  # noqa: DTZ001


RULES = st.builds(
    rule,
    callers=st.lists(st.sampled_from(["a", "b", "*", "?"]), min_size=1, max_size=2),
    action=st.sampled_from(Action),
    signed=st.booleans(),
    hours=st.sampled_from([None, "00:00-12:00", "12:00-24:00", "22:00-06:00"]),
    rate=st.sampled_from([None, "1/h"]),
)


@hypothesis.settings(deadline=None)
@given(st.lists(RULES, max_size=6), st.sampled_from("abc"), st.booleans(), st.integers(0, 1439))
def test_policy_every_decision_follows_the_first_rule_that_matches(
    rules: list[Rule], caller: str, signed: bool, minute: int
) -> None:
    named = [each.model_copy(update={"name": str(number)}) for number, each in enumerate(rules)]
    subject, at = policy(*named), SUNDAY_NOON + timedelta(minutes=minute)
    explanation = subject.explain(invitation(caller, signed=signed), at=at, history=CallHistory())
    decision = explanation.decision
    first = next((each.rule for each in explanation.rules if each.matches), None)
    assert (
        decision.rule
        == first
        == next((each.rule for each in explanation.rules if each.decides), None)
    )
    assert (decision.reason is None) == (decision.action in (Action.ACCEPT, Action.RING))
    if decision.rule is not None and decision.action in (Action.ACCEPT, Action.RING):
        assert decision.action is named[int(decision.rule)].action
