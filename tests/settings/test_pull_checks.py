"""Who pulls, beside who is rung and who may open."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from agent.core.policy.rules import Policy, Rule
from agent.settings import Settings
from agent.settings.pull_checks import advice_on_pulling, faults_of_consumers

ACCEPT = {"name": "nvr", "action": "accept", "callers": ["frigate"]}
OPEN = {"name": "family", "action": "accept", "callers": ["*"], "open": True}
NIGHT = {**ACCEPT, "name": "night", "hours": "22:00-06:00"}


def settings(name: str = "frigate", **more: Any) -> Settings:
    consumer = {"name": name, "token": "sixteen-or-more-"}
    pull = {"enabled": True, "consumer": [consumer], **more.pop("pull", {})}
    return Settings.model_validate({"uid": "door-1", "pull": pull, **more})


def faults(chosen: Settings, *rules: dict[str, Any]) -> list[str]:
    return [*faults_of_consumers(chosen, [Rule.model_validate(each) for each in rules])]


def advice(chosen: Settings, *rules: dict[str, Any]) -> list[str]:
    policy = Policy([Rule.model_validate(each) for each in rules], timezone=UTC)
    return [*advice_on_pulling(chosen, policy)]


@pytest.mark.parametrize(
    ("chosen", "rules", "words"),
    [
        (settings("door-1"), [], "is the device's own uid"),
        (settings(ring={"targets": ["frigate"]}), [ACCEPT], "is rung"),
        (
            settings(ring={"list": [{"name": "night", "targets": ["frigate"]}]}),
            [ACCEPT],
            "is rung",
        ),
        (settings(), [OPEN], 'may open a door by the rule "family"'),
        # at other times the second one decides
        (settings(), [NIGHT, OPEN], 'may open a door by the rule "family"'),
    ],
)
def test_consumer_with_the_name_of_somebody_else_is_a_fault(
    chosen: Settings, rules: list[dict[str, Any]], words: str
) -> None:
    (fault,) = faults(chosen, *rules)
    assert words in fault
    assert fault.startswith("pull.consumer 1 (")


def test_rule_of_its_own_keeps_a_consumer_from_the_door() -> None:
    assert faults(settings(), ACCEPT, OPEN) == []
    assert faults(settings(), {**OPEN, "action": "reject", "open": False}, OPEN) == []


def test_consumers_that_may_not_pull_are_nobody_s_business() -> None:
    assert faults(settings(pull={"enabled": False}), OPEN) == []
    assert advice(settings(pull={"enabled": False})) == []


@pytest.mark.parametrize(
    ("chosen", "rules", "words"),
    [
        (settings(), [], "no rule of the policy accepts"),
        (settings(), [{**ACCEPT, "action": "ring"}], "no rule of the policy accepts"),
        (settings(pull={"consumer": []}), [ACCEPT], "nobody may pull"),
        (
            settings(pull={"host": "0.0.0.0", "insecure": True}),
            [ACCEPT],
            "in the clear, and whoever reads one may look",
        ),
        (settings(pull={"max": 8}), [ACCEPT], "max_viewers lets 4 look at once"),
    ],
)
def test_what_is_hardly_meant_is_advised(
    chosen: Settings, rules: list[dict[str, Any]], words: str
) -> None:
    (said,) = advice(chosen, *rules)
    assert words in said


def test_what_is_meant_is_left_alone() -> None:
    assert advice(settings(), ACCEPT) == []
