"""What `--help` prints, from files that are made of the commands themselves: to make it anew takes
seconds on a small board.

    python -m agent.commands.help_texts agent/commands/help

A command has the file of its name, one of a group lies in that group's folder.
"""

from __future__ import annotations

import os
import sys

_FOLDER = os.path.join(os.path.dirname(__file__), "help")
_ALL = "_.txt"
_COLUMNS = 80


def shown(arguments: list[str]) -> str | None:
    """For arguments that end with `--help`; None where the commands themselves must say it: for
    more than names of commands, or a terminal of less than 80 columns.
    """
    names = arguments[:-1]
    if not all(each.isalpha() for each in names) or _columns() < _COLUMNS:
        return None
    file = os.path.join(_FOLDER, *names[:-1], f"{names[-1]}.txt" if names else _ALL)
    try:
        with open(file, encoding="utf-8") as text:
            return text.read()
    except OSError:
        return None


def _columns() -> int:
    """As shutil has it: what $COLUMNS says, else the terminal's, else 80."""
    try:
        return int(os.environ["COLUMNS"]) or _COLUMNS
    except (KeyError, ValueError):
        pass
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS


def texts() -> dict[str, str]:
    """File name to text, for every command and group."""
    from agent.cli import COMMANDS
    from agent.commands.manual import commands

    found = {_ALL: _help([])}
    for name in sorted({*COMMANDS, *(name for name, _ in commands())}):
        found[f"{name.replace(' ', '/')}.txt"] = _help(name.split())
    return found


def _help(names: list[str]) -> str:
    from typer.testing import CliRunner

    from agent.cli import make_app

    environment = {"COLUMNS": str(_COLUMNS)}
    done = CliRunner().invoke(
        make_app(), [*names, "--help"], env=environment, prog_name="callbox", catch_exceptions=False
    )
    return done.output


def main() -> int:
    from pathlib import Path

    if len(sys.argv) != 2:
        print("usage: python -m agent.commands.help_texts FOLDER", file=sys.stderr)
        return 2
    for name, text in texts().items():
        file = Path(sys.argv[1]) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
