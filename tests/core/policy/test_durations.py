"""Durations as people write them."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.policy.durations import (
    LONGEST_DURATION,
    format_duration,
    parse_duration,
    parse_retention,
)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10m", 600),
        ("90s", 90),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("0.5s", 0.5),
        (" 2h ", 7200),
        ("45", 45),
        (1.5, 1.5),
    ],
)
def test_duration_is_read(value: object, seconds: float) -> None:
    assert parse_duration(value) == seconds


@pytest.mark.parametrize(
    "value", ["", "m", "30m1h", "-5s", "1e3", "8d", "1 h", 8 * 86_400, -1, None, [], "٣s"]
)
def test_duration_that_is_none_is_quoted(value: object) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_duration(value)


@hypothesis.settings(deadline=None)
@given(st.one_of(st.integers(1, int(LONGEST_DURATION)).map(float), st.floats(0.001, 1e5)))
def test_duration_survives_being_written(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(("value", "seconds"), [("400d", 34_560_000.0), ("3650d", 315_360_000.0)])
def test_retention_reaches_to_ten_years(value: str, seconds: float) -> None:
    assert parse_retention(value) == seconds


@pytest.mark.parametrize("value", [0, "3651d", "for ever"])
def test_retention_that_is_none_is_quoted(value: object) -> None:
    with pytest.raises(ValueError, match=repr(value)):
        parse_retention(value)
