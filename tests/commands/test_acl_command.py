"""`callbox acl`."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from agent.cli import make_app


def test_acl_command_prints_the_rules_of_the_device(tmp_path: Path) -> None:
    file = tmp_path / "d.toml"
    file.write_text('uid = "door-7"\n[mqtt]\nusername = "d7"\n')
    result = CliRunner().invoke(make_app("acl"), ["acl", "mosquitto", "--config", str(file)])
    assert result.exit_code == 0
    assert "user d7\ntopic write callbox/v1/door-7/status\n" in result.output
