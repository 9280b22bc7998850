"""A device's process loads what it needs, and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.service.single_instance import only_one

LOADED = """
import sys

from agent.commands.run import leave_out_dns
leave_out_dns()
import agent.daemon, agent.webrtc.peer
import aioice.ice
assert not aioice.ice.mdns.is_mdns_hostname("abc.local")
print(" ".join(sorted({name.partition(".")[0] for name, module in sys.modules.items() if module is not None})))
"""


def test_what_is_not_needed_is_not_loaded() -> None:
    output = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"aiortc", "paho", "pydantic", "sqlite3"} <= set(output), (
        "all that a call needs is loaded ahead"
    )
    assert not {"dns", "typer", "rich", "numpy", "websockets", "picamera2"} & set(output)


@pytest.mark.lengthy
def test_the_short_way_in_and_the_command_line_run_the_same_device() -> None:
    outputs = []
    for arguments in (
        ["run", "--config", "/nonexistent.toml"],
        ["run", "--config=/nonexistent.toml"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "agent", *arguments], capture_output=True, text=True, check=False
        )
        outputs.append((done.returncode, done.stderr))
    assert outputs[0] == outputs[1]
    assert outputs[0][0] == 78
    assert "/nonexistent.toml" in outputs[0][1]


def test_second_daemon_of_a_state_directory_exits_with_75(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text(
        f'uid = "door-1"\nstate_directory = "{tmp_path}"\n[video]\nsource = "pattern"\n'
    )
    command = [sys.executable, "-m", "agent", "run", "--config", str(config)]
    with only_one(tmp_path):
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert second.returncode == 75
    assert f"another callbox runs with state_directory {tmp_path}" in second.stderr
