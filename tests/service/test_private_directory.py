"""A directory for this process's user alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agent.errors import ConfigurationError
from agent.service.private_directory import make_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_make_private_makes_a_directory_for_us_alone(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "state"
    make_private(directory)
    assert mode(directory) == 0o700


def test_make_private_closes_what_was_open_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for name in ("outbox.db", "outbox.db-wal", "override.json"):
        (tmp_path / name).touch(0o644)
    make_private(tmp_path)
    assert mode(tmp_path) == 0o700
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("planted", [".", "outbox.db"])
def test_make_private_refuses_what_another_user_made(tmp_path: Path, planted: str) -> None:
    path = tmp_path / planted
    path.touch()
    os.chown(path, 65534, 65534)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        make_private(tmp_path)


def test_make_private_takes_what_root_left_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that an administrator copied must not keep a door from working."""
    (tmp_path / "backup").touch()
    owner = (tmp_path / "backup").stat().st_uid
    monkeypatch.setattr("agent.service.private_directory.ROOT", owner)
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    make_private(tmp_path)


def test_make_private_on_a_disk_that_takes_nothing_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    make_private(tmp_path / "file" / "state")
