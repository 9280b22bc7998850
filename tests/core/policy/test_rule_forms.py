"""The forms of single values of a rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.core.policy import rule_forms as forms


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (forms.caller_pattern, "family-*", "family [a]"),
        (forms.rule_name, "by day", " by day"),
        (forms.reason_code, "not_now", "Not now"),
        (forms.zone_name, "Europe/Berlin", "Europe/Nowhere"),
    ],
)
def test_rule_form_quotes_what_it_does_not_take(
    check: Callable[[str], str], good: str, bad: str
) -> None:
    assert check(good) == good
    with pytest.raises(ValueError, match=r".") as caught:
        check(bad)
    assert repr(bad) in str(caught.value)


def test_rule_form_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody"):
        forms.somebody(())
