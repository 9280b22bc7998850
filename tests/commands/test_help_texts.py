"""What `--help` prints, and that it is what the commands themselves would say."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from agent.commands import help_texts
from agent.commands.help_texts import main, shown, texts

FOLDER = Path(help_texts.__file__).parent / "help"


def test_committed_files_are_what_the_commands_say() -> None:
    committed = {
        str(file.relative_to(FOLDER)): file.read_text(encoding="utf-8")
        for file in FOLDER.rglob("*.txt")
    }
    assert committed == texts(), "run make generate"


def test_files_are_written_below_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["help_texts", str(tmp_path)])
    assert main() == 0
    explain = tmp_path / "policy" / "explain.txt"
    assert explain.read_text() == (FOLDER / "policy" / "explain.txt").read_text()
    monkeypatch.setattr(sys, "argv", ["help_texts"])
    assert main() == 2


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (["--help"], "Usage: callbox [OPTIONS] COMMAND"),
        (["-h"], "Usage: callbox [OPTIONS] COMMAND"),
        (["check", "--help"], "Usage: callbox check [OPTIONS]"),
        (["policy", "--help"], "Usage: callbox policy [OPTIONS] COMMAND"),
        (["policy", "explain", "-h"], "Usage: callbox policy explain [OPTIONS]"),
    ],
)
def test_help_of_a_command_is_its_file(
    arguments: list[str], first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert (shown(arguments) or "").startswith(first)


@pytest.mark.parametrize(
    "arguments",
    [
        ["chekc", "--help"],
        ["check", "--config", "x", "--help"],
        ["..", "check", "--help"],
        ["policy/explain", "--help"],
        ["_", "--help"],
    ],
)
def test_help_of_anything_else_is_the_commands_own(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert shown(arguments) is None


def test_help_in_a_narrow_terminal_is_the_commands_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert shown(["check", "--help"]) is None
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((60, 25)))
    with Path(os.devnull).open() as stream:
        monkeypatch.setattr(sys, "__stdout__", stream)
        assert shown(["check", "--help"]) is None
        monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((80, 25)))
        assert shown(["check", "--help"]) is not None
        monkeypatch.undo()
