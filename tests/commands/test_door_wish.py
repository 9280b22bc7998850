"""`callbox call --open`, at a real device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import call, device, watching

pytestmark = [pytest.mark.broker, pytest.mark.media]

DOORS = """
[[output]]
name = "door"
kind = "door"
[[output]]
name = "gate"
kind = "door"
code = "4711"
"""
OPEN = '[[policy.rule]]\nname = "family"\naction = "accept"\nopen = true\n'


async def asked(
    folder: Path, mosquitto: Mosquitto, *arguments: str
) -> tuple[int, dict[str, Any] | None]:
    """The exit code, and what was said of the door."""
    program = await call(folder, mosquitto, "--seconds", "1", *arguments)
    code, output = await program.finish()
    lines = [json.loads(line) for line in output.splitlines()]
    about = [line for line in lines if line["event"] in ("opened", "open_refused")]
    return code, about[0] if about else None


async def test_door_wish_opens_says_so_and_ends_with_its_code(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    file = tmp_path / "code"
    file.write_text("4711\n")
    async with (
        watching(mosquitto) as watcher,
        device(tmp_path, mosquitto, watcher, DOORS, policy=OPEN),
    ):
        gate = ("--open", "--output", "gate")
        code, said = await asked(tmp_path, mosquitto, *gate)
        assert said is not None
        assert (code, said["code"]) == (6, "wrong_code")
        code, said = await asked(tmp_path, mosquitto, *gate, "--code-file", str(file))
        assert (code, said) == (0, {"event": "opened", "output": "gate"})
        opened = await watcher.wait("door-1/events/output", lambda body: body["action"] == "open")
        assert (opened["by"], opened["output"]) == ("callbox-call", "gate")
