"""Two daemons of one state directory: the second does not start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import AlreadyRunning
from agent.service.single_instance import only_one

HOLD = (
    "import sys; from pathlib import Path; from agent.service.single_instance import only_one\n"
    "with only_one(Path(sys.argv[1])):\n    print('in', flush=True); sys.stdin.read()"
)


def test_only_one_keeps_the_second_out_and_names_the_directory(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(AlreadyRunning, match=str(tmp_path)), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_only_one_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"in\n"
        with pytest.raises(AlreadyRunning), only_one(tmp_path):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with only_one(tmp_path):
        pass


def test_only_one_writes_nothing_and_takes_what_cannot_be_opened(tmp_path: Path) -> None:
    with only_one(tmp_path / "missing"):
        pass
    with only_one(tmp_path):
        assert os.listdir(tmp_path) == []
