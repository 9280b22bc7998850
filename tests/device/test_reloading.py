"""What a reload cannot apply is named."""

from __future__ import annotations

from typing import Any

import pytest

from agent.device.reloading import needs_restart
from agent.settings import Settings


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({}, []),
        ({"policy": {"rule": [{"name": "all", "action": "accept"}]}}, []),
        ({"call": {"max_duration": "5m"}}, []),
        ({"log": {"level": "debug"}}, []),
        ({"call": {"setup_timeout": "5s"}}, ["call.setup_timeout"]),
        (
            {"uid": "door-2", "mqtt": {"host": "192.0.2.1", "tls": {"enabled": True}}},
            ["uid", "mqtt.host", "mqtt.tls.enabled"],
        ),
        (
            {"video": {"width": 640, "height": 360}, "log": {"level": "debug"}},
            ["video.width", "video.height"],
        ),
        ({"mqtt": {"password": "new"}}, ["mqtt.password"]),
    ],
)
def test_needs_restart(changes: dict[str, Any], keys: list[str]) -> None:
    assert needs_restart(Settings(uid="door-1"), Settings(**{"uid": "door-1", **changes})) == keys
