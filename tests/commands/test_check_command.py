"""`callbox check`."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from agent.cli import make_app
from agent.commands.exit_codes import Exit
from agent.settings.models import CARRIED_OUT, DEFAULT_COMMANDS


def test_a_good_file_is_0_and_names_what_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text('uid = "door-1"\n')
    result = CliRunner().invoke(make_app("check"), ["check", "--config", str(config), "--json"])
    told = json.loads(result.output)
    assert (result.exit_code, told["ok"], told["faults"]) == (0, True, [])
    refused = ", ".join(CARRIED_OUT[len(DEFAULT_COMMANDS) :])
    assert any(f"{refused} are refused" in each for each in told["warnings"])


def test_a_bad_file_is_78(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text("[mqtt]\nport = 99999\n")
    result = CliRunner().invoke(make_app("check"), ["check", "--config", str(config)])
    assert result.exit_code == Exit.BAD_CONFIGURATION


def test_a_missing_certificate_of_the_page_is_told_and_no_fault(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text('[web]\nenabled = true\ncert_file = "/n.pem"\nkey_file = "/n.pem"\n')
    result = CliRunner().invoke(make_app("check"), ["check", "--config", str(config)])
    assert result.exit_code == 0
    assert result.stderr.count("callbox: not usable now: ") == 2
    result = CliRunner().invoke(make_app("check"), ["check", "--config", str(config), "--json"])
    told = json.loads(result.stdout)
    assert (told["ok"], len(told["unusable"])) == (True, 2)
