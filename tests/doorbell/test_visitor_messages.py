"""What visitors left: bounded in number and age."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.doorbell.visitor_messages import LONGEST_KEPT, MOST, VisitorMessages
from agent.errors import NoSuchMessage

NOON = 1_764_417_600.0  # 2025-11-29T12:00:00Z


def leave(messages: VisitorMessages, at: float) -> str:
    path = messages.place(at)
    path.write_bytes(b"OggS")
    os.utime(path, (at, at))
    return path.stem


def test_messages_are_named_by_their_time_and_newest_first(tmp_path: Path) -> None:
    messages = VisitorMessages(tmp_path / "messages")
    assert messages.all() == []
    names = [leave(messages, NOON), leave(messages, NOON), leave(messages, NOON + 60)]
    assert names == ["20251129T120000Z", "20251129T120000Z-1", "20251129T120100Z"]
    assert [each.name for each in messages.all()] == names[::-1]
    assert (tmp_path / "messages").stat().st_mode & 0o777 == 0o700
    assert messages.file(names[0]).read_bytes() == b"OggS"


def test_a_message_is_deleted_once(tmp_path: Path) -> None:
    messages = VisitorMessages(tmp_path)
    name = leave(messages, NOON)
    messages.delete(name)
    with pytest.raises(NoSuchMessage):
        messages.delete(name)


@pytest.mark.parametrize("name", ["", "..", "../x", "/etc/passwd", "x.ogg"])
def test_a_name_that_is_not_there_is_no_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.ogg").write_bytes(b"x")
    messages = VisitorMessages(tmp_path / "messages")
    with pytest.raises(NoSuchMessage):
        messages.file(name)
    with pytest.raises(NoSuchMessage):
        messages.delete(name)


def test_what_is_too_many_or_too_old_goes(tmp_path: Path) -> None:
    messages = VisitorMessages(tmp_path)
    old = leave(messages, NOON - LONGEST_KEPT - 1)
    names = [leave(messages, NOON + number) for number in range(MOST + 2)]
    (tmp_path / "not-ours.txt").write_bytes(b"x")
    assert sorted(messages.prune(NOON + 60)) == sorted([old, *names[:2]])
    assert [each.name for each in messages.all()] == names[:1:-1]
    assert (tmp_path / "not-ours.txt").exists()
