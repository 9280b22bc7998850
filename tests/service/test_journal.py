"""Records with the fields of the call that they speak of."""

from __future__ import annotations

import io
import logging
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Side
from agent.service.journal import CallFields, LevelPrefix, call_fields, is_journal, open_journal

OPEN = {"5f1c": "front-desk"}


def fields(*arguments: object, message: str = "%s " * 9) -> dict[str, Any]:
    record = logging.LogRecord("agent", logging.INFO, "", 0, message, arguments, None)
    assert CallFields(OPEN.get).filter(record)
    return {name: value for name, value in vars(record).items() if name.startswith("CALLBOX_")}


def test_a_call_is_known_by_its_id() -> None:
    assert fields("5f1c", "front-desk") == {
        "CALLBOX_CONVERSATION": "5f1c",
        "CALLBOX_REMOTE_UID": "front-desk",
    }
    assert fields("another", 3, None) == {}


def test_typed_arguments_become_fields() -> None:
    assert fields(State.INVITED, State.RINGING) == {"CALLBOX_STATE": "ringing"}
    assert fields(CloseReason.USER_HANGUP, Side.REMOTE, CallStatus.BUSY) == {
        "CALLBOX_REASON": "user_hangup",
        "CALLBOX_CLOSED_BY": "remote",
        "CALLBOX_STATUS": "BUSY",
    }


def test_records_without_arguments_pass() -> None:
    assert fields() == {}
    record = logging.LogRecord("agent", logging.INFO, "", 0, "%(a)s", ({"a": "5f1c"},), None)
    assert CallFields(OPEN.get).filter(record)


def test_fields_are_added_only_while_open() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        logging.Formatter("%(CALLBOX_CONVERSATION)s", defaults={"CALLBOX_CONVERSATION": "-"})
    )
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with call_fields(OPEN.get):
            logging.getLogger("agent.x").warning("%s rings", "5f1c")
        logging.getLogger("agent.x").warning("%s rings", "5f1c")
    finally:
        root.removeHandler(handler)
    assert stream.getvalue().split() == ["5f1c", "-"]


def test_is_journal(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        assert is_journal(f"{status.st_dev}:{status.st_ino}", stream)
        assert not is_journal(f"{status.st_dev}:{status.st_ino + 1}", stream)
        assert not is_journal("", stream)
    assert not is_journal("1:2", io.StringIO())


def test_a_terminal_is_no_journal() -> None:
    assert open_journal({}) is None


@pytest.fixture
def journal_stream(tmp_path: Path) -> Any:
    with (tmp_path / "stream").open("w+") as stream:
        yield stream


def environ(stream: Any) -> dict[str, str]:
    status = os.fstat(stream.fileno())
    return {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}


def test_without_systemd_python_levels_are_prefixed(
    journal_stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "systemd.journal", None)
    handler = open_journal(environ(journal_stream), journal_stream)
    assert handler is not None
    handler.handle(logging.LogRecord("agent.x", logging.ERROR, "", 0, "broken\nin two", (), None))
    handler.flush()
    journal_stream.seek(0)
    assert journal_stream.read() == "<3>agent.x: broken\n<3>in two\n"


def test_with_systemd_python_the_journal_gets_the_fields_alone(
    journal_stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, dict[str, object]]] = []

    class JournalHandler(logging.Handler):
        """As systemd-python's: it sends every attribute of a record."""

        def __init__(self, sender_function: Any, **fields: object) -> None:
            super().__init__()
            self.send, self.fields = sender_function, fields

        def emit(self, record: logging.LogRecord) -> None:
            text = self.format(record)
            self.send(text, PRIORITY="6", **{**self.fields, **vars(record)})

    journal = types.ModuleType("systemd.journal")
    vars(journal).update(
        JournalHandler=JournalHandler, send=lambda text, **fields: sent.append((text, fields))
    )
    monkeypatch.setitem(sys.modules, "systemd.journal", journal)
    monkeypatch.setitem(sys.modules, "systemd", types.ModuleType("systemd"))
    handler = open_journal(environ(journal_stream), journal_stream)
    assert handler is not None
    record = logging.LogRecord("agent.x", logging.INFO, "", 0, "%s rings", ("5f1c",), None)
    record.CALLBOX_CONVERSATION = "5f1c"
    handler.handle(record)
    assert sent == [
        (
            "5f1c rings",
            {"PRIORITY": "6", "SYSLOG_IDENTIFIER": "callbox", "CALLBOX_CONVERSATION": "5f1c"},
        )
    ]


@pytest.mark.parametrize(
    ("level", "prefix"), [("CRITICAL", 2), ("WARNING", 4), ("INFO", 6), ("DEBUG", 7)]
)
def test_level_prefix(level: str, prefix: int) -> None:
    record = logging.LogRecord("agent", getattr(logging, level), "", 0, "text", (), None)
    assert LevelPrefix().format(record) == f"<{prefix}>text"
