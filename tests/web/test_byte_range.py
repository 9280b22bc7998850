"""Which part of a file a request wants."""

from __future__ import annotations

import pytest

from agent.web.byte_range import NotInside, wanted_part


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-", range(10)),
        ("bytes=0-1", range(2)),
        ("bytes=4-6", range(4, 7)),
        ("bytes=4-99", range(4, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(10)),
    ],
)
def test_one_part_is_given(header: str, wanted: range) -> None:
    assert wanted_part(header, 10) == wanted


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "items=0-1", "bytes=a-b", "bytes=٣-٤"],
)
def test_what_cannot_be_read_and_several_parts_get_all(header: str | None) -> None:
    assert wanted_part(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_a_part_outside_is_told(header: str) -> None:
    with pytest.raises(NotInside):
        wanted_part(header, 10)
