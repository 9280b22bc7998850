"""The command line: what it prints, its exit codes, and what it loads."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from agent import __version__
from agent.cli import COMMANDS, make_app
from agent.commands.manual import commands


def test_version_is_printed() -> None:
    result = CliRunner().invoke(make_app(), ["--version"])
    assert (result.exit_code, result.output) == (0, f"callbox {__version__}\n")


def test_every_command_is_there() -> None:
    result = CliRunner().invoke(make_app(), ["--help"])
    assert result.exit_code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_alone_is_the_same(name: str) -> None:
    alone, among_all = (
        CliRunner().invoke(app, [name, "--help"]) for app in (make_app(name), make_app())
    )
    assert (alone.exit_code, alone.output) == (0, among_all.output)


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_help_has_an_example(name: str) -> None:
    output = CliRunner().invoke(make_app(), [*name.split(), "--help"]).output
    example = " ".join(output.partition("Example: ")[2].split())
    assert f"callbox {name}" in example, output


def test_command_that_does_not_exist_is_named() -> None:
    result = CliRunner().invoke(make_app(), ["chekc"])
    assert result.exit_code == 2
    assert "chekc" in result.output


# what a command that only reads settings, or a socket, must not wait for
HEAVY = {"aiortc", "av", "paho", "cryptography", "rich", "agent.core.call.inputs"}
# what takes longer to load than all else of a command that only says something
SLOW = {"typer", "pydantic", "asyncio", "logging", "typing", "pathlib"}


@pytest.mark.parametrize(
    ("arguments", "left_out"),
    [
        ("--version", {*HEAVY, *SLOW}),
        ("--help", {*HEAVY, *SLOW}),
        ("check --help", {*HEAVY, *SLOW}),
        ("policy explain -h", {*HEAVY, *SLOW}),
        ("status", {*HEAVY, "typer", "pydantic"}),
        ("status --json", {*HEAVY, "typer", "pydantic"}),
        ("check", {*HEAVY, "typer"}),
        ("check --json", {*HEAVY, "typer"}),
        ("check -c /none.toml", {*HEAVY, "typer"}),
        ("status --socket /none", {*HEAVY, "agent.commands.call_command"}),
        ("policy explain --caller x", HEAVY),
    ],
)
def test_a_command_loads_no_more_than_it_needs(arguments: str, left_out: set[str]) -> None:
    script = (
        "import sys\n"
        "from agent.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert left_out & set(done.stderr.split()) == set()
