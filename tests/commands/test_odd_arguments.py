"""Every command with arguments that are made up: a line and an exit code, never a fault of its own.

The commands run in this process, with their real parsers and files; what would go on for ever, or
touch the machine (the device itself, the doctor's look at it), is left out.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agent import cli
from agent.__main__ import _command
from agent.commands import terminal

EXAMPLES = settings().max_examples
OURS = {0, 1, 2, 3, 4, 5, 6, 7, 8, 75, 78}
"""1: a question was not answered."""

SETTINGS = b'uid = "door-1"\nstate_directory = "state"\n[mqtt]\nport = 1\n'
FILES = {
    "good.toml": SETTINGS,
    "marked.toml": b"\xef\xbb\xbf" + SETTINGS,
    "wide.toml": SETTINGS.decode().encode("utf-16"),
    "zero.toml": b"\0",
    "binary.toml": bytes(range(256)),
    "deep.toml": b"a = " + b"[" * 5000,
    "list.toml": b"uid = [[1]]\n[policy]\nfile = 5\nrule = [{name = 1}]\n",
    "odd.toml": b'uid = "a/b"\n[mqtt]\nhost = ""\nport = 99999\nnonsense = {}\n[web]\nport = "x"\n',
    "dates.toml": b"uid = 1979-05-27T07:32:00Z\nstate_directory = nan\n",
    "password": b"geheim\n",
    "clip.mp4": b"no clip",
}
TEXTS = (
    "",
    " ",
    "a/b",
    "*",
    "-",
    "--",
    "-1",
    "0",
    "99999",
    "1e400",
    "nan",
    "inf",
    "9" * 400,
    "x" * 300,
    "Tür",
    "门铃",
    "\udcff\udc80",
    "\n",
    "\x1b[31m",
    "%s%n",
    "{}",
    "..",
    ".",
    "nowhere/file",
    "/dev/null",
    "/dev/full",
    "/proc/self/mem",
    "file:clip.mp4",
    "file:nowhere.mp4",
    "file:",
    "v4l2:/dev/null",
    "alsa:none",
    "x.mkv",
    "nowhere/x.mkv",
    "mqtt://127.0.0.1:1",
    "mqtt://u:p[w]d@h",
    "mqtt://u:p#w@h",
    "mqtt://u:p/w@h",
    "mqtt://u:p?w@h",
    "mqtt://[::1",
    "mqtt://h:99999",
    "mqtt://h:x",
    "mqtt://\udcff",
    "mqtt://:token@127.0.0.1:1",
    "mqtt://" + "h" * 300,
    "wss://127.0.0.1:1/%ff?q#f",
    "http://h",
    "://",
    "callbox/+/x",
    "2026-11-22T07:30",
    "2026-13-45",
    "0001-01-01",
    "9999-12-31T23:59:59+14:00",
    "24h",
    "99999999999999d",
    "0s",
    *FILES,
)


@dataclass(frozen=True, slots=True)
class Given:
    """A command by its words, and the options that it has: each with its strategy of values."""

    words: tuple[str, ...]
    command: Any


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[Given]:
    if hasattr(group, "commands"):
        for name, each in group.commands.items():
            yield from commands(each, (*words, name))
    else:
        yield Given(words, group)


COMMANDS = tuple(commands(typer.main.get_command(cli.make_app())))
VALUES = st.one_of(
    st.sampled_from(TEXTS),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    st.integers().map(str),
    st.floats().map(str),
)


@st.composite
def arguments(draw: st.DrawFn, command: Given) -> list[str]:
    """Values for the arguments, and any options, once or twice, also such as there are not."""
    made: list[str] = []
    for each in command.command.params:
        if each.param_type_name == "argument":
            made += draw(st.lists(VALUES, max_size=2))
            continue
        for _ in range(draw(st.sampled_from((0, 0, 1, 1, 2)))):
            name = draw(st.sampled_from(each.opts))
            made += [name] if each.is_flag else [name, draw(VALUES)]
    return made + draw(st.sampled_from(([], [], [], ["--none-such"], ["-c"], ["--", "x"])))


async def at_once(*_: Any, **__: Any) -> None:
    """In place of what goes on until it is told to stop."""


class Sparing:
    """A report without a look at the machine."""

    failed = False

    def to_json(self) -> str:
        return "{}"

    def to_text(self) -> str:
        return "looked at nothing"


async def no_look(*_: Any) -> Sparing:
    return Sparing()


@pytest.fixture
def _bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A directory of odd files, and commands that end by themselves."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("LINES", "24")
    for name in ("stdin", "stdout", "stderr", "argv"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr("agent.commands.caller.CONNECT_TIMEOUT", 0.01)
    monkeypatch.setattr("agent.commands.run.leave_out_dns", lambda: None)
    monkeypatch.setattr("agent.service.logs.set_up_logging", lambda _level: None)
    monkeypatch.setattr("agent.service.logs.set_up_tracebacks", lambda: None)
    monkeypatch.setattr("agent.daemon.Daemon.run", at_once)
    monkeypatch.setattr("agent.fleet.collector_service.collect", at_once)
    monkeypatch.setattr("agent.doctor.examine.examine", no_look)
    monkeypatch.setattr("agent.commands.demo._broker", lambda *_, **__: nullcontext("none"))
    monkeypatch.setattr("agent.commands.demo._wait_for", at_once)
    monkeypatch.setattr("webbrowser.open", lambda _url: True)
    mask = os.umask(0o022)
    yield
    os.umask(mask)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: " ".join(each.words))
@pytest.mark.usefixtures("_bench")
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    # of each of twenty commands
    max_examples=max(5, EXAMPLES // 5),
    # the first that fails says enough, and a smaller one takes minutes
    phases=(Phase.explicit, Phase.generate),
)
@given(data=st.data())
def test_odd_arguments_end_with_a_line_and_a_code(
    command: Given, tmp_path: Path, data: st.DataObject
) -> None:
    made = data.draw(arguments(command))
    if command.words == ("init",):
        made = ["--directory", str(tmp_path / "etc"), *_without(made, "--directory")]
    code, out, err = ended([*command.words, *made])
    said = f"{code}\n{out}\n{err}"
    assert "Traceback" not in err, said
    assert code in OURS, said
    assert code == 0 or err.strip() or "--json" in made, said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("demo --uid a/b", 78, "--uid: 'a/b'"),
        ("demo --port 99999", 2, "--port"),
        ("demo --broker-port -1", 2, "--broker-port"),
        ("demo --fleet 2 --fleet-port 0", 2, "--fleet-port"),
        ("call door-1 --broker mqtt://u:p[w]d@h", 78, "percent-encode"),
        ("call door-1 --broker mqtt://u:p#w@h", 78, "percent-encode"),
        ("call door-1 --broker mqtt://u:p/w@h", 78, "percent-encode"),
        ("check --config wide.toml", 78, "wide.toml: is UTF-16 text; save it as UTF-8"),
        ("check --config deep.toml", 78, "deep.toml: is nested too deeply"),
    ],
)
@pytest.mark.usefixtures("_bench")
def test_arguments_that_make_no_sense_are_named(words: str, code: int, said: str) -> None:
    ended_with, _, err = ended(words.split())
    assert ended_with == code
    assert said in err
    assert "p#w" not in err
    assert "p/w" not in err


def _without(made: list[str], option: str) -> list[str]:
    """What is written goes where the test says."""
    return [each for n, each in enumerate(made) if option not in (each, *made[max(0, n - 1) : n])]


def ended(words: list[str]) -> tuple[int, str, str]:
    """Code, output and errors of one command, run at the edge that the program has."""
    sys.argv = ["callbox", *words]
    sys.stdin = io.StringIO()
    with Streams() as streams, pytest.raises(SystemExit) as end:
        terminal.run(_command)
    assert isinstance(end.value.code, int)
    out, err = streams.said()
    return end.value.code, out, err


class Streams:
    """The descriptors 1 and 2 as files, so that what is written to them can be read."""

    def __enter__(self) -> Streams:
        sys.stdout.flush()
        sys.stderr.flush()
        self._kept = [os.dup(1), os.dup(2)]
        self._files = [os.memfd_create("out"), os.memfd_create("err")]
        for target, file in enumerate(self._files, 1):
            os.dup2(file, target)
        return self

    def __exit__(self, *_: object) -> None:
        for target, kept in enumerate(self._kept, 1):
            os.dup2(kept, target)
            os.close(kept)

    def said(self) -> list[str]:
        texts = []
        for file in self._files:
            texts.append(os.pread(file, 1 << 20, 0).decode(errors="replace"))
            os.close(file)
        return texts
