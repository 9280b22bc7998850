"""`callbox run` and `callbox collect`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.commands.exit_codes import Exit


@pytest.mark.parametrize("name", ["run", "collect"])
@pytest.mark.parametrize("option", ["--config", pytest.param("-c", marks=pytest.mark.lengthy)])
def test_a_bad_file_is_78_and_named(name: str, option: str, tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text("[mqtt]\nport = 99999\n")
    done = subprocess.run(
        [sys.executable, "-m", "agent", name, option, config],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Exit.BAD_CONFIGURATION
    assert "mqtt.port" in done.stderr
