"""The command line: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from agent import __version__
from agent.cli import Exit, app


def test_version_is_printed() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"callbox {__version__}\n")


def test_check_of_a_good_file_is_0_and_names_what_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text('uid = "door-1"\n')
    result = CliRunner().invoke(app, ["check", "--config", str(config), "--json"])
    told = json.loads(result.output)
    assert (result.exit_code, told["ok"], told["faults"]) == (0, True, [])
    assert any(
        "call, accept, snapshot, policy, volume are refused" in each for each in told["warnings"]
    )


def test_check_of_a_bad_file_is_78(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text("[mqtt]\nport = 99999\n")
    result = CliRunner().invoke(app, ["check", "--config", str(config)])
    assert result.exit_code == Exit.BAD_CONFIGURATION


def test_check_of_a_missing_certificate_of_the_page_is_78(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text('[web]\nenabled = true\ncert_file = "/n.pem"\nkey_file = "/n.pem"\n')
    result = CliRunner().invoke(app, ["check", "--config", str(config), "--json"])
    assert result.exit_code == Exit.BAD_CONFIGURATION
    assert len(json.loads(result.output)["faults"]) == 2
