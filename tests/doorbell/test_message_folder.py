"""What the device can say."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.doorbell.message_folder import MOST, MessageFolder
from agent.errors import NoSuchMessage


def test_messages_are_files_by_name(tmp_path: Path) -> None:
    for name in ("parcel.wav", "back-soon.OPUS", "parcel.mp3", "notes.txt", "a b.wav", ".wav"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.wav").mkdir()
    folder = MessageFolder(tmp_path)
    assert folder.names == ("back-soon", "parcel")
    assert folder.file("parcel") == tmp_path / "parcel.wav"


@pytest.mark.parametrize("name", ["", "..", "../secret", "/etc/passwd", "parcel.wav", "x" * 65])
def test_a_name_that_is_not_there_is_no_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "parcel.wav").write_bytes(b"x")
    (tmp_path.parent / "secret.wav").write_bytes(b"x")
    with pytest.raises(NoSuchMessage):
        MessageFolder(tmp_path).file(name)


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert MessageFolder(tmp_path / "none").names == ()


def test_the_number_of_names_is_bounded(tmp_path: Path) -> None:
    for number in range(MOST + 5):
        (tmp_path / f"m{number:03}.wav").write_bytes(b"x")
    assert len(MessageFolder(tmp_path).names) == MOST
