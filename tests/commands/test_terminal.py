"""The edge of every command: a line and an exit code, never a traceback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from agent.commands import terminal
from agent.errors import MediaUnavailable


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def ended(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Runs a function as a command would be; on the descriptors of the process."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))

    def run(command: Callable[[], int | None], **options: bool) -> Ended:
        with pytest.raises(SystemExit) as end:
            terminal.run(command, **options)
        assert isinstance(end.value.code, int)
        return Ended(end.value.code, *capfd.readouterr())

    return run


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def command() -> NoReturn:
        raise error

    return command


GROUP = ExceptionGroup("two", [OSError(28, "No space left on device"), MediaUnavailable("no clip")])


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (OSError(28, "No space left on device", "/x"), 6, "callbox: /x: No space left on device"),
        (OSError(30, "Read-only file system"), 6, "callbox: Read-only file system"),
        (MediaUnavailable("no\nclip"), 6, "callbox: no clip"),
        (GROUP, 6, "callbox: No space left on device\ncallbox: no clip"),
        (KeyboardInterrupt(), 130, "callbox: interrupted"),
        (KeyError("x"), 70, "callbox: a fault of callbox itself: KeyError: 'x'"),
        (
            RecursionError(),
            70,
            "callbox: a fault of callbox itself: RecursionError: RecursionError",
        ),
    ],
)
def test_run_ends_with_a_line_and_a_code(
    ended: Callable[..., Ended], error: BaseException, code: int, line: str
) -> None:
    assert ended(raising(error)) == Ended(code, "", f"{line}\n")


def test_run_keeps_the_code_of_the_command(ended: Callable[..., Ended]) -> None:
    assert ended(lambda: 5) == Ended(5, "", "")
    assert ended(lambda: None) == Ended(0, "", "")
    assert ended(raising(SystemExit(78))).code == 78
    assert ended(raising(SystemExit())).code == 0


def test_run_of_a_service_logs_where_its_own_fault_came_from(
    ended: Callable[..., Ended], caplog: pytest.LogCaptureFixture
) -> None:
    assert ended(raising(KeyError("x")), service=True).code == 70
    assert [each.exc_info is not None for each in caplog.records] == [True]


def test_run_writes_what_an_encoding_has_not(
    ended: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert ended(lambda: print("Tür \udcff")).out == "T\\xfcr \\udcff\n"


SAY = """
import sys
from agent.commands import terminal
def command():
    print("x" * 100)
    print("said", file=sys.stderr)
    return {code}
terminal.run(command)
"""


def shell(redirection: str, *, code: int = 0) -> subprocess.CompletedProcess[str]:
    """A command that says something on both streams, with its streams as the shell has them."""
    script = f'exec "$0" -c "$1" {redirection}'
    arguments = ["bash", "-c", script, sys.executable, SAY.format(code=code)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("redirection", "code", "line"),
    [
        (">/dev/full", 6, "callbox: standard output: No space left on device"),
        (">&-", 6, "callbox: standard output: Bad file descriptor"),
        ("<&-", 0, ""),
        ("2>&-", 0, None),
        ("2>/dev/full", 0, None),
        ("<&- >&- 2>&-", 6, None),
    ],
)
def test_run_with_streams_that_take_nothing(
    redirection: str, code: int | None, line: str | None
) -> None:
    done = shell(redirection)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if code is not None:
        assert done.returncode == code
    if line is not None:
        assert done.stderr == "said\n" + (f"{line}\n" if line else "")


def test_run_with_a_reader_that_has_gone() -> None:
    read, write = os.pipe()
    os.close(read)
    arguments = [sys.executable, "-c", SAY.format(code=0)]
    done = subprocess.run(arguments, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (6, "said\ncallbox: standard output: Broken pipe\n")


def test_run_keeps_a_code_that_says_more_than_a_lost_output() -> None:
    assert shell(">/dev/full", code=78).returncode == 78


def test_run_waits_for_a_reader_that_is_slower_than_a_pipe_that_does_not_block() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    long = (
        "import sys\nfrom agent.commands import terminal\nterminal.run(lambda: print('y' * 999999))"
    )
    with subprocess.Popen([sys.executable, "-c", long], stdout=write) as process:
        os.close(write)
        with Path(f"/dev/fd/{read}").open("rb") as reader:
            assert len(reader.read()) == 1_000_000
        os.close(read)
    assert process.returncode == 0
