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
    check_host,
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


@pytest.mark.parametrize(
    "host", ["broker", "broker.example.org", "192.0.2.1", "2001:db8::1", "fe80::1%eth0", "my_host"]
)
def test_check_host_of_a_name_or_address(host: str) -> None:
    assert check_host(host) == host


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("broker:8883", "a port in it"),
        ("user:hidden-1", "a port in it"),
        ("user:hidden-1@broker", "'@' in it"),
        ("mqtt://user:hidden-1@broker", "'@' in it"),
        ("mqtt://broker", "is not the name or address"),
        ("mqtt://hidden-1", "is not the name or address"),
        ("broker/hidden-1", "is not the name or address"),
        ("256.1.1.1", "is not the name or address"),
        ("-x", "is not the name or address"),
        ("", "is not the name or address"),
        ("a b", "is not the name or address"),
        ("a..b", "is not the name or address"),
        ("a" * 64, "is not the name or address"),
        ("\u202e", "is not the name or address"),
    ],
)
def test_check_host_of_anything_else(host: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as caught:
        check_host(host)
    assert "hidden-1" not in str(caught.value)
