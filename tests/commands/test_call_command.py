"""`callbox call`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent.cli import make_app
from agent.commands import caller
from agent.commands.caller import CallPlan
from agent.commands.door_wish import DoorWish
from agent.errors import NotConnected
from agent.service import logs


@pytest.fixture(autouse=True)
def untouched_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "set_up_logging", lambda _level: None)


def test_call_command_takes_the_password_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plans: list[CallPlan] = []

    async def place_call(plan: CallPlan) -> int:
        plans.append(plan)
        return 4

    monkeypatch.setattr(caller, "place_call", place_call)
    result = CliRunner().invoke(
        make_app("call"),
        ["call", "door-1", "--broker", "mqtts://me@broker", "--ca-file", "/ca.pem"],
        env={"CALLBOX_PASSWORD": "from the environment"},
    )
    assert result.exit_code == 4
    assert plans[0].login.secret() == "from the environment"
    assert str(plans[0].login.ca_file) == "/ca.pem"


def test_call_command_says_why_without_escape_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    async def place_call(_plan: Any) -> int:
        raise NotConnected("refused: \x1b[31mno")

    monkeypatch.setattr(caller, "place_call", place_call)
    result = CliRunner().invoke(make_app("call"), ["call", "door-1"])
    assert result.exit_code == 6
    assert "\\x1b[31mno" in result.output


def test_call_command_takes_the_code_of_a_door_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[CallPlan] = []

    async def place_call(plan: CallPlan) -> int:
        plans.append(plan)
        return 0

    monkeypatch.setattr(caller, "place_call", place_call)
    file = tmp_path / "code"
    file.write_text("4711\n")

    def called(*arguments: str) -> int:
        made = CliRunner().invoke(
            make_app("call"), ["call", "door-1", *arguments], env={"CALLBOX_DOOR_CODE": "0815"}
        )
        return made.exit_code

    assert called("--output", "gate") == 0
    assert called("--open") == 0
    assert called("--open", "--output", "gate", "--code-file", str(file)) == 0
    assert called("--open", "--code-file", str(tmp_path / "none")) == 78
    assert [each.door for each in plans] == [
        None,
        DoorWish(None, "0815"),
        DoorWish("gate", "4711"),
    ]
    assert "4711" not in repr(plans)
