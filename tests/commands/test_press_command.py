"""`callbox press`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.cli import make_app
from agent.service.status_socket import StatusServer, socket_path
from tests.service.snapshots import snapshot


async def pressed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, outcome: dict[str, Any], *arguments: str
) -> Result:
    """What the command comes to where a daemon answers so."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    asked: list[str] = []

    async def press(name: str) -> dict[str, Any]:
        asked.append(name)
        return outcome

    path = socket_path("door-1", {"XDG_RUNTIME_DIR": str(folder)})
    async with StatusServer(path, snapshot, press):
        result = await asyncio.to_thread(
            CliRunner().invoke, make_app("press"), ["press", *arguments]
        )
    assert asked == [next(iter(arguments), "") if arguments[:1] != ("--json",) else ""]
    return result


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        ({"ok": True, "targets": ["alice", "bob"]}, 0, "rings at alice, bob"),
        ({"ok": True, "targets": []}, 0, "here alone"),
        ({"ok": True, "waits": True}, 0, "broker is away"),
        ({"ok": True, "repeated": True}, 0, "press before"),
        ({"ok": False, "code": "suppressed", "message": "nobody is called: busy"}, 3, "busy"),
        ({"ok": False, "code": "no_such_button", "message": "no button 'x'"}, 5, "no button"),
    ],
)
async def test_press_prints_what_came_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: dict[str, Any], code: int, words: str
) -> None:
    result = await pressed(tmp_path, monkeypatch, outcome, "front")
    assert (result.exit_code, words in result.output) == (code, True)


async def test_press_is_json_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = await pressed(tmp_path, monkeypatch, {"ok": True, "targets": ["alice"]}, "--json")
    assert json.loads(result.output)["targets"] == ["alice"]


def test_press_without_a_daemon_exits_6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    result = CliRunner().invoke(make_app("press"), ["press"])
    assert result.exit_code == 6
