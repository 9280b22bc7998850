"""`callbox policy explain`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.cli import make_app


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "door.toml"
    file.write_text('[[policy.rule]]\nname = "desk"\ncallers = ["front-desk"]\naction = "accept"\n')
    return str(file)


def test_the_rule_is_named(config: str) -> None:
    result = CliRunner().invoke(
        make_app("policy"), ["policy", "explain", "--caller", "front-desk", "--config", config]
    )
    assert result.exit_code == 0
    assert 'accept by "desk"' in result.output


def test_a_time_that_is_none_is_told(config: str) -> None:
    result = CliRunner().invoke(
        make_app("policy"),
        ["policy", "explain", "--caller", "x", "--at", "noon", "--config", config],
    )
    assert result.exit_code == 2
    assert "noon" in result.output
