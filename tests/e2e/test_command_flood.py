"""Commands in a flood, of a real broker: each that the device has taken gets its result."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import Watcher, device

pytestmark = [pytest.mark.broker, pytest.mark.media]


RESULT = "door-1/events/command_result"
# 63 kB, which take long to parse
HEAVY = json.dumps({"type": "dance", "x": [{}] * 15_500}).encode()


async def test_commands_amid_floods_each_get_their_result(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Of heavy signals, of made-up verbs, and of commands themselves."""
    names = [f"operator-{number}" for number in range(45)]
    flood = [f"flood-{number}" for number in range(200)]
    async with device(tmp_path, mosquitto, watcher):
        for number, name in enumerate(names):
            for _ in range(3):
                await watcher.publish("door-1/signal/stranger", HEAVY, qos=0)
            await watcher.publish(f"door-1/command/made-up-{number}", HEAVY)
            watcher.publish("door-1/command/mute", {"id": name, "audio": True})
        for name in flood:
            # no broker keeps more than some hundred for a client
            await watcher.publish("door-1/command/close", {"id": name})
        for name in (*names, *flood[:50]):
            result = await watcher.wait(RESULT, partial(is_of, name))
            # nobody is called
            assert result["code"] in ("invalid_state", "overloaded")
        while closed(watcher) < len(flood):
            await watcher.wait(RESULT, after=len(watcher.messages))
    assert closed(watcher) == len(flood)


def is_of(name: str, body: Any) -> bool:
    return bool(body.get("id") == name)


def closed(watcher: Watcher) -> int:
    """Results of `close`."""
    said = [each.body for each in watcher.messages if each.name == RESULT]
    return [each["verb"] for each in said].count("close")
