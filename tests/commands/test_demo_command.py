"""`callbox demo`: its options."""

from __future__ import annotations

from typer.testing import CliRunner

from agent.cli import make_app


def test_a_fleet_that_is_too_large_is_a_wrong_argument() -> None:
    result = CliRunner().invoke(make_app("demo"), ["demo", "--fleet", "61"])
    assert result.exit_code == 2
    assert "--fleet" in result.output
