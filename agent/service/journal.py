"""The journal: every record with the fields by which a call's story can be found.

    journalctl -u callbox CALLBOX_CONVERSATION=5f1c...      all of one call
    journalctl -u callbox CALLBOX_REASON=ice_failed         all calls that ended so

Code logs as it would anywhere. A record that has a conversation's id, a reason or a state among its
arguments gets the field of it here; further fields come as `extra={"CALLBOX_...": ...}`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import IO, Any

from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Side

IDENTIFIER = "callbox"

_FIELD_OF: Mapping[type, str] = {
    State: "CALLBOX_STATE",
    CallStatus: "CALLBOX_STATUS",
    CloseReason: "CALLBOX_REASON",
    Side: "CALLBOX_CLOSED_BY",
}

RemoteUid = Callable[[str], str | None]


class CallFields(logging.Filter):
    """Adds CALLBOX_* attributes to records. `remote_uid` maps the id of a conversation that is open
    to its far side.
    """

    def __init__(self, remote_uid: RemoteUid) -> None:
        super().__init__()
        self._remote_uid = remote_uid

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps every record."""
        for argument in record.args if isinstance(record.args, tuple) else ():
            field = _FIELD_OF.get(type(argument))
            if field is not None:
                # of two states the second, which is the new one
                setattr(record, field, str(argument))
            elif type(argument) is str:
                self._name_call(record, argument)
        return True

    def _name_call(self, record: logging.LogRecord, conversation: str) -> None:
        remote_uid = self._remote_uid(conversation)
        if remote_uid is not None:
            record.CALLBOX_CONVERSATION = conversation
            record.CALLBOX_REMOTE_UID = remote_uid


@contextlib.contextmanager
def call_fields(remote_uid: RemoteUid) -> Iterator[None]:
    """While this is open, records have the fields of the calls that they speak of, on every handler
    there is now.
    """
    fields = CallFields(remote_uid)
    handlers = tuple(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(fields)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(fields)


def open_journal(
    environ: Mapping[str, str] = os.environ, stream: IO[Any] | None = None
) -> logging.Handler | None:
    """A handler for the journal, where `stream` (standard error) is connected to it; None at a
    terminal or a pipe.
    """
    stream = stream or sys.stderr
    if not is_journal(environ.get("JOURNAL_STREAM", ""), stream):
        return None
    try:
        journal = import_module("systemd.journal")
    except ImportError:
        return _prefixed(stream)

    def send(message: str, /, **fields: Any) -> None:
        # The handler passes on every attribute of a record, `message` among them; journald takes
        # upper case alone.
        journal.send(message, **{name: value for name, value in fields.items() if name.isupper()})

    handler: logging.Handler = journal.JournalHandler(
        sender_function=send, SYSLOG_IDENTIFIER=IDENTIFIER
    )
    # time, level and logger are fields of their own
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler


def is_journal(journal_stream: str, stream: IO[Any]) -> bool:
    """Whether `stream` is the socket whose DEVICE:INODE systemd has put into $JOURNAL_STREAM."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        # closed, or no file at all
        return False
    return journal_stream == f"{status.st_dev}:{status.st_ino}"


class LevelPrefix(logging.Formatter):
    """`<3>text`: sd-daemon(3)'s levels, which journald reads from standard error. The fields are
    lost this way.
    """

    _PRIORITIES = (
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (logging.INFO, 6),
    )

    def format(self, record: logging.LogRecord) -> str:
        priority = next(
            (number for level, number in self._PRIORITIES if record.levelno >= level), 7
        )
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def _prefixed(stream: IO[Any]) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LevelPrefix("%(name)s: %(message)s"))
    return handler
