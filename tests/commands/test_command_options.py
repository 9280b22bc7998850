"""What the commands have in common."""

from __future__ import annotations

import pytest

from agent.commands.command_options import failed
from agent.commands.exit_codes import Exit


def test_each_fault_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    end = failed(["one", "two"], Exit.BAD_CONFIGURATION)
    assert capsys.readouterr().err == "callbox: one\ncallbox: two\n"
    assert end.exit_code == 78
