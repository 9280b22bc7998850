"""What a rule may say, and how it is told that it may not."""

from __future__ import annotations

from datetime import UTC

import pytest
from pydantic import ValidationError

from agent.core.policy.rules import Policy, Rule


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("name", "", "is not a name"),
        ("name", "two\nlines", "is not a name"),
        ("name", "x" * 65, "is not a name"),
        ("callers", [], "nobody"),
        ("callers", ["family [a]"], "'family [a]' matches no uid"),
        ("callers", "front-desk", "should be a valid tuple"),
        ("days", ["mon", "noday"], "'noday' is not a day"),
        ("hours", "25:00-06:00", "'25:00-06:00' is not HH:MM-HH:MM"),
        ("timezone", "Europe/Nowhere", "'Europe/Nowhere' is not a time zone"),
        ("rate", "3 per hour", "'3 per hour' is not COUNT/TIME"),
        ("rate", "0/h", "'0/h' is not COUNT/TIME"),
        ("rate", "101/h", "'101/h' is more than 100 calls"),
        ("rate", "3/0s", "is not between 0 and 7 days"),
        ("action", "acept", "should be 'accept', 'reject', 'ring' or 'busy'"),
        ("reason", "Not Allowed", "'Not Allowed' is not a code"),
        ("reason", "night", "only for reject and busy"),
        ("max_duration", "soon", "'soon' is not a duration"),
        ("max_duration", 0, "0 is not between 0 and 7 days"),
        ("max_duration", True, "True is not a duration"),
        ("max_duration", float("nan"), "nan is not a duration"),
        ("video", "perhaps", "should be a valid boolean"),
        ("audio", "off", "should be 'both', 'send', 'receive' or 'none'"),
        ("hous", "07:00-08:00", "Extra inputs are not permitted"),
    ],
)
def test_rule_names_a_wrong_field_with_its_value(field: str, value: object, complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Rule.model_validate({"name": "a", "action": "accept", field: value})
    (error,) = caught.value.errors()
    assert field in error["loc"] or error["type"] == "conflict"
    assert complaint in error["msg"]


def test_rule_names_are_unique() -> None:
    rules = [Rule.model_validate({"name": name, "action": "accept"}) for name in ("a", "b", "a")]
    with pytest.raises(ValueError, match=r'rule 3 \("a"\): name: is already the name of rule 1'):
        Policy(rules, timezone=UTC)


def test_rules_do_not_change() -> None:
    rule = Rule.model_validate({"name": "a", "action": "accept"})
    with pytest.raises(ValidationError, match="frozen"):
        rule.name = "b"
