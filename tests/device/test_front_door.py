"""Buttons, doorbell and pictures, as the settings say."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from agent.core.policy.rules import Policy
from agent.device.parts import compose
from agent.settings import Settings
from tests.waiting import until


async def test_front_door_has_the_buttons_of_the_settings(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "uid": "door-1",
            "state_directory": tmp_path,
            "video": {"source": "pattern"},
            "audio": {"capture": "none"},
            "button": [{"name": "front"}],
            "ring": {"snapshot": False, "preview": True, "do_not_disturb": "22:00-07:00"},
        }
    )
    policy = Policy(timezone=UTC)
    door = compose(settings, policy, lambda: (settings, policy)).door
    assert door.doorbell.button("").name == "front"
    assert door.doorbell.ports.picture.__name__ == "<lambda>"
    async with door:
        assert not door.doorbell.waiting


async def test_button_is_blanked_while_a_chime_is_driven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate(
        {
            "uid": "door-1",
            "state_directory": tmp_path,
            "video": {"source": "pattern"},
            "audio": {"capture": "none"},
            "button": [{"name": "front"}],
            "output": [{"name": "gong", "kind": "chime", "pulse": "0.5s"}],
        }
    )
    policy, blanked = Policy(timezone=UTC), list[float]()
    parts = compose(settings, policy, lambda: (settings, policy))
    monkeypatch.setattr(parts.door.buttons, "blank", blanked.append)
    async with parts.station.outputs:
        assert parts.station.outputs.chime("button")
        await until(lambda: blanked == [0.7, 0.2])
