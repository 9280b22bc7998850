"""A device's process loads what it needs, and no more."""

from __future__ import annotations

import subprocess
import sys

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
