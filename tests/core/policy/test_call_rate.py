"""Rates as people write them. What is none is quoted: see test_rules."""

from __future__ import annotations

import pytest

from agent.core.policy.call_rate import CallRate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("3/h", CallRate(3, 3600)),
        ("10/d", CallRate(10, 86_400)),
        ("5/30m", CallRate(5, 1800)),
        ("100/1h30m", CallRate(100, 5400)),
    ],
)
def test_call_rate_is_read(text: str, rate: CallRate) -> None:
    assert CallRate.parse(text) == rate
