"""RFC 3339 times."""

from __future__ import annotations

import pytest

from agent.core.timestamps import format_time, parse_time


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1_795_342_500.123, "2026-11-22T10:15:00.123Z"),
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1e15, "9999-12-31T23:59:59.999Z"),
        (-1e15, "0001-01-01T00:00:00.000Z"),
    ],
)
def test_format_time_has_milliseconds_and_a_z(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


@pytest.mark.parametrize("text", ["2026-11-22T10:15:00.123Z", "2026-11-22t12:15:00.123+02:00"])
def test_parse_time_takes_any_offset(text: str) -> None:
    assert parse_time(text) == pytest.approx(1_795_342_500.123)


@pytest.mark.parametrize("text", ["", "2026-11-22", "2026-13-22T10:15:00Z", "1795342500"])
def test_parse_time_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_time(text)
