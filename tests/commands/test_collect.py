"""`callbox collect` hands over; what it does is tried in tests/fleet."""

from __future__ import annotations

import subprocess
import sys

from agent.commands.run import EX_CONFIG

LOADED = """
import sys
import agent.commands.collect, agent.fleet.collector_service
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_collect_of_a_missing_file_is_78() -> None:
    command = [sys.executable, "-m", "agent", "collect", "--config", "/nonexistent.toml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == EX_CONFIG
    assert done.stderr.startswith("callbox: /nonexistent.toml: cannot be read")
    assert len(done.stderr.splitlines()) == 1


def test_collect_loads_no_media() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    assert not {"aiortc", "av", "cryptography", "psycopg"} & set(done.stdout.split())
