"""The edge of every command: whatever its streams, its disk or its arguments are like, it ends with
a line and an exit code.

`python -X dev -m agent ...` shows where an unexpected fault came from.
"""

from __future__ import annotations

import io
import os
import select
import sys

from agent.errors import CallboxError

# typing's, which takes longer to load than all of this
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

FAILED = 6
INTERRUPTED = 130  # as a shell has it for SIGINT
BROKEN = 70  # sysexits(3) EX_SOFTWARE
_STDIN, _STDOUT, _STDERR = 0, 1, 2


class OutputLost(CallboxError):  # noqa: N818 - it names what happened
    """Standard output takes nothing more. Raised once; what follows goes nowhere."""


class _Stream(io.FileIO):
    """A standard stream. What does not block waits for its reader, too."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._lost = False

    def write(self, data: object) -> int:
        size = memoryview(data).nbytes  # type: ignore[arg-type]
        while not self._lost:
            try:
                written = super().write(data)  # type: ignore[arg-type]
            except OSError as error:
                self._lost = True
                self._tell(error)
            else:
                if written is not None:
                    return written
                select.select([], [self], [])
        return size

    def _tell(self, error: OSError) -> None:
        """It is standard error: there is nobody to tell."""


class _Output(_Stream):
    def _tell(self, error: OSError) -> None:
        raise OutputLost(f"standard output: {error.strerror or error}")


def run(command: Callable[[], int | None], *, service: bool = False) -> NoReturn:
    """Run `command` and exit with its code. A `service` has faults of its own in its log, with
    where they came from.
    """
    _open_streams()
    code = _outcome(command, service=service)
    try:
        sys.stdout.flush()
    except OutputLost as error:
        _say(error)
        code = code or FAILED
    sys.exit(code)


def _outcome(command: Callable[[], int | None], *, service: bool) -> int:
    try:
        return command() or 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the edge: nothing is above it that could tell
        return _told(error, service=service)


def _told(error: Exception, *, service: bool) -> int:
    causes = [*_leaves(error)]
    if sys.flags.dev_mode:
        raise error
    if all(isinstance(each, OSError | CallboxError) for each in causes):
        for each in causes:
            _say(_words(each))
        return FAILED
    if service:
        import logging

        logging.getLogger("agent").critical("a fault of callbox itself ended it", exc_info=error)
    for each in causes:
        _say(f"a fault of callbox itself: {type(each).__name__}: {_words(each)}")
    return BROKEN


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        named = (
            f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        )
        return f"{named}{error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _say(text: object) -> None:
    print(f"callbox: {text}", file=sys.stderr)


def _open_streams() -> None:
    """What was closed would become the next file or socket, and be written to."""
    for descriptor in (_STDIN, _STDOUT, _STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            # it takes the lowest that is free; output that is closed stays what cannot be written
            os.open(os.devnull, os.O_WRONLY if descriptor == _STDERR else os.O_RDONLY)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout = _text(_Output(_STDOUT), encoding)
    sys.stderr = _text(_Stream(_STDERR), encoding, line_buffering=True)
    if sys.stdin is None:
        sys.stdin = open(_STDIN, encoding=encoding, closefd=False)  # noqa: SIM115 - as long as the process


def _text(stream: _Stream, encoding: str, *, line_buffering: bool = False) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(stream),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=line_buffering or stream.isatty(),
    )
