"""`callbox doctor`: its options."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.cli import make_app
from agent.commands.doctor_command import see_credentials


def test_a_measure_that_is_too_short_is_a_wrong_argument() -> None:
    result = CliRunner().invoke(make_app("doctor"), ["doctor", "--camera", "--seconds", "1"])
    assert result.exit_code == 2
    assert "--seconds" in result.output


def test_credentials_of_the_unit_are_read_where_they_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/given")
    see_credentials(tmp_path)
    assert os.environ["CREDENTIALS_DIRECTORY"] == "/given"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    see_credentials(tmp_path / "none")
    assert "CREDENTIALS_DIRECTORY" not in os.environ
    see_credentials(tmp_path)
    assert os.environ["CREDENTIALS_DIRECTORY"] == str(tmp_path)
