"""What `callbox check` prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.commands.check_report import show
from agent.commands.exit_codes import Exit


def test_check_report_of_a_fault_is_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text("[mqtt]\nport = 99999\n")
    assert show(config, as_json=False) is Exit.BAD_CONFIGURATION
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "mqtt.port" in printed.err
    assert printed.err.startswith("callbox: ")


def test_check_report_of_good_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text('uid = "door-1"\n')
    assert show(config, as_json=False) is Exit.OK
    printed = capsys.readouterr()
    assert printed.out == "The settings and the policy are fine.\n"
    assert "callbox: warning: " in printed.err
    assert show(config, as_json=True) is Exit.OK
    assert json.loads(capsys.readouterr().out)["ok"] is True
