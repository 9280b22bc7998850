"""What `--help` prints, and that it is what the commands themselves would say."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from agent.commands import help_texts
from agent.commands.help_texts import main, shown

FOLDER = Path(help_texts.__file__).parent / "help"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make generate` would write: to ask all commands takes a second."""
    folder = tmp_path_factory.mktemp("help")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["help_texts", str(folder)])
        assert main() == 0
    return folder


def texts_in(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for file in folder.rglob("*.txt")
    }


def test_committed_files_are_what_the_commands_say(written: Path) -> None:
    assert texts_in(FOLDER) == texts_in(written), "run make generate"


def test_files_are_written_below_a_folder(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (written / "_.txt").read_text().startswith("Usage: callbox ")
    assert "callbox policy explain" in (written / "policy" / "explain.txt").read_text()
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
