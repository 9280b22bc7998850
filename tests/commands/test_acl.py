"""Who may do what at the broker."""

from __future__ import annotations

import json
from pathlib import Path

from agent.commands.acl import COLLECTED, Around, roles

ASYNCAPI = Path(__file__).parent.parent.parent / "config" / "asyncapi.json"


def test_roles_of_a_device_write_neither_signals_nor_commands_to_it() -> None:
    device = next(role for role in roles(Around("door-1", "d1")) if role.user == "d1")
    assert not [topic for topic in device.write if "door-1/signal" in topic or "command/" in topic]
    assert "callbox/v1/+/signal/door-1" in device.write


def test_roles_of_a_collector_see_every_event_but_called() -> None:
    channels = json.loads(ASYNCAPI.read_text())["channels"].values()
    events = {
        address.rpartition("/")[2]
        for address in (channel.get("address") or "" for channel in channels)
        if "/events/" in address
    }
    assert events - {"called", "{event}"} <= set(COLLECTED)
    collector = next(role for role in roles(Around("d", "d")) if role.user == "collector")
    assert not [topic for topic in collector.read if topic.endswith(("called", "snapshot", "#"))]
    assert not collector.write
