"""`callbox init`: its options."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from agent.cli import make_app
from agent.commands.exit_codes import Exit


def test_options_answer_the_questions(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        make_app("init"),
        [
            *("init", "--directory", str(tmp_path), "--uid", "door-1", "--broker", "mqtt://b"),
            *("--username", "", "--camera", "auto", "--callers", "front-desk"),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "front-desk" in (tmp_path / "policy.toml").read_text()


def test_a_broker_that_cannot_be_is_78(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        make_app("init"),
        [
            *("init", "--directory", str(tmp_path), "--uid", "door-1", "--broker", "http://b"),
            *("--username", "", "--camera", "auto", "--callers", "front-desk"),
        ],
    )
    assert result.exit_code == Exit.BAD_CONFIGURATION
    assert not list(tmp_path.iterdir())
