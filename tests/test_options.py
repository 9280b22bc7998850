"""What sections of the settings are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import ValidationError

from agent.options import (
    LIVE,
    AnyPath,
    OptionalText,
    ReadableFile,
    Real,
    RequiredFile,
    Section,
    Whole,
    is_live,
    is_loopback,
    named_file,
)


class Sample(Section):
    """A section of a test's own."""

    count: Whole = 1
    share: Annotated[Real, LIVE] = 0.5
    name: OptionalText = None
    place: AnyPath = Path("/")
    file: ReadableFile = None
    key: RequiredFile = None


def test_number_from_a_boolean_is_refused() -> None:
    for name in ("count", "share"):
        with pytest.raises(ValidationError, match="true should be a number"):
            Sample.model_validate({name: True})


def test_optional_text_from_an_empty_one_is_none() -> None:
    assert Sample(name="").name is None


def test_path_with_a_control_character_is_refused() -> None:
    with pytest.raises(ValidationError, match="is not a path"):
        Sample(place=Path("/a\nb"))


def test_section_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"cuont": 1})


def test_marks_are_read_from_the_field() -> None:
    fields = Sample.model_fields
    assert [name for name, field in fields.items() if is_live(field)] == ["share"]
    files = {name: named_file(field) for name, field in fields.items()}
    assert files == {"count": None, "share": None, "name": None, "place": None} | {
        "file": False,
        "key": True,
    }


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("192.0.2.1", False), ("a", False)],
)
def test_is_loopback_of_a_host(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
