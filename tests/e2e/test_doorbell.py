"""A button that is pressed by hand rings two people, over a real broker with real transports."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.core.call.reasons import CloseReason
from tests.conftest import Mosquitto
from tests.e2e.device import UID, Program, device, watching
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.broker, pytest.mark.media]

RING = """
[ring]
targets = ["alice", "bob"]
[[button]]
name = "front"
"""


async def test_press_rings_two_and_the_first_who_accepts_sees_the_visitor(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    async with (
        watching(mosquitto) as watcher,
        device(tmp_path, mosquitto, watcher, RING),
        CallClient.connect(url, uid="alice") as alice,
        CallClient.connect(url, uid="bob") as bob,
    ):
        rung: dict[str, asyncio.Queue[Conversation]] = {}
        for client in (alice, bob):
            rung[client.uid] = asyncio.Queue()
            client.on("called", rung[client.uid].put_nowait)
        pressed = await Program.start(tmp_path / "press.log", "press", "front", "--json")
        code, output = await pressed.finish()
        assert (code, json.loads(output)["targets"]) == (0, ["alice", "bob"])
        async with asyncio.timeout(PATIENCE):
            at_alice, at_bob = await rung["alice"].get(), await rung["bob"].get()
            await at_alice.accept()
            assert (await at_bob.wait_closed()).reason is CloseReason.ANSWERED_ELSEWHERE
        ring: Any = await watcher.wait(f"{UID}/events/ring")
        assert ring["conversation"] == at_alice.id
        picture = await watcher.wait(f"{UID}/snapshot")
        assert picture[:3] == bytes.fromhex("ffd8ff")
        await watcher.wait(f"{UID}/call", lambda body: body["state"] == "in_call")
        await at_alice.close()
        await watcher.wait(f"{UID}/events/closed")
