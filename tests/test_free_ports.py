"""Ports that no other run of the tests takes."""

from __future__ import annotations

import subprocess
import sys

from tests.free_ports import free_port

ASK = "from tests.free_ports import free_port; print(*(free_port() for _ in range(200)))"


def test_free_ports_of_runs_side_by_side_are_never_the_same() -> None:
    ours = {free_port() for _ in range(200)}
    found = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not ours & {int(each) for each in found}


def test_free_ports_are_not_asked_for_twice_in_a_row() -> None:
    assert len({free_port() for _ in range(50)}) == 50
