"""The manual page and the completion."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import COMMANDS
from agent.commands.manual import commands, completion, manual, options
from tests.parts import require_part


def test_the_manual_has_every_command_and_option() -> None:
    text = manual()
    for name, command in commands():
        section = text.partition(f".SS callbox {name}\n")[2].partition("\n.SS ")[0]
        assert section, name
        for spelled, _ in options(command):
            assert spelled.replace("-", "\\-") in section


def test_the_manual_can_be_formatted() -> None:
    groff = require_part("groff", "groff-base")
    done = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww", "-z"],
        input=manual(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def complete(tmp_path: Path, *words: str) -> set[str]:
    """What bash offers for the last of `words`."""
    (tmp_path / "callbox.bash").write_text(completion())
    quoted = " ".join(f"'{word}'" for word in words)
    script = (
        f"source ./callbox.bash; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _callbox; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    bash = shutil.which("bash") or "bash"
    done = subprocess.run(
        [bash, "-O", "extglob", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_commands_are_completed(tmp_path: Path) -> None:
    assert complete(tmp_path, "callbox", "") >= set(COMMANDS)
    assert complete(tmp_path, "callbox", "pol") == {"policy"}


def test_commands_of_a_group_and_options_are_completed(tmp_path: Path) -> None:
    assert complete(tmp_path, "callbox", "policy", "e") == {"explain"}
    assert complete(tmp_path, "callbox", "policy", "explain", "--ca") == {"--caller"}
    assert complete(tmp_path, "callbox", "status", "--w") == {"--watch"}


def test_files_are_completed(tmp_path: Path) -> None:
    assert complete(tmp_path, "callbox", "check", "--config", "callb") == {"callbox.bash"}


@pytest.mark.parametrize("arguments", [[], ["poem"], ["manual", "completion"]])
def test_another_kind_is_a_wrong_argument(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent.commands.manual", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "manual|completion" in done.stderr
