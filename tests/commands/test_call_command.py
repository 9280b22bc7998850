"""`callbox call`: its options."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from agent.cli import app
from agent.commands import caller
from agent.commands.caller import CallPlan
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
        app,
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
    result = CliRunner().invoke(app, ["call", "door-1"])
    assert result.exit_code == 6
    assert "\\x1b[31mno" in result.output
