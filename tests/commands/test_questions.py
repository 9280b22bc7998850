"""The questions of `callbox init`."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from agent.commands.questions import answer
from agent.errors import ConfigurationError


def never(*_: object, **__: object) -> str:
    raise AssertionError("nothing is to be asked")


def test_answer_from_options_alone_asks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typer, "prompt", never)
    monkeypatch.setattr(typer, "confirm", never)
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    answers = answer("door-1", "mqtt://b", "door-1", password, "pattern", "a, b", None)
    assert (answers.uid, answers.password, answers.callers) == (
        "door-1",
        "correct horse",
        ("a", "b"),
    )


def test_answer_that_cannot_be_used_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter(["a/b", "door-1"])
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: next(said))
    assert answer(None, "mqtt://b", "", None, "pattern", "", False).uid == "door-1"


def test_answer_by_an_option_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--uid: 'a/b' is not a uid"):
        answer("a/b", "mqtt://b", "", None, "pattern", "", None)


def test_answer_with_a_password_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        answer("door-1", "mqtt://b", "door-1", tmp_path / "none", "pattern", "", None)


@pytest.mark.parametrize("wanted", [True, False])
def test_answer_offers_home_assistant_to_whoever_is_asked(
    monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: "door-1")
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: wanted)
    assert answer(None, "mqtt://b", "", None, "pattern", "", None).home_assistant is wanted


def test_answer_takes_home_assistant_from_its_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typer, "confirm", never)
    assert answer("door-1", "mqtt://b", "", None, "pattern", "", True).home_assistant
    assert not answer("door-1", "mqtt://b", "", None, "pattern", "", None).home_assistant
