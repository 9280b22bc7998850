"""What is known over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.device.state_file import StateFile


def test_state_file_is_replaced_as_a_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    file = StateFile(path)
    assert file.read() is None
    file.write("1")
    # left by a power cut
    (tmp_path / "a.new").write_text("half")
    file.write("2")
    assert file.read() == b"2"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert str(file) == str(path)


def test_state_file_that_is_taken_away_is_none(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "a.json")
    file.write("1")
    file.write(None)
    file.write(None)
    assert file.read() is None


def test_state_file_without_a_directory_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        StateFile(tmp_path / "nowhere" / "a.json").write("1")
