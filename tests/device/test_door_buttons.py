"""What the presses of buttons do."""

from __future__ import annotations

from pathlib import Path

from agent.core.ring.press_detector import Press
from agent.device.door_buttons import DoorButtons
from agent.device.health_publisher import fault_codes
from agent.doorbell.button_settings import ButtonSettings
from tests.doorbells import BUTTONS, ringing
from tests.fakes.network import FakeNetwork


async def test_press_rings_and_a_long_one_is_handed_on(tmp_path: Path) -> None:
    async with ringing(FakeNetwork(), tmp_path) as bell:
        held: list[ButtonSettings] = []
        bell.doorbell.ports.held = held.append
        async with DoorButtons(BUTTONS, bell.doorbell, bell.door.state) as buttons:
            buttons.button_did("front", Press.PRESSED)
            buttons.button_did("back", Press.HELD)
            (ring,) = await bell.heard("ring")
            assert ring["button"] == "front"
        assert held == [BUTTONS[1]]


async def test_button_that_is_stuck_is_a_fault_and_no_storm(tmp_path: Path) -> None:
    async with ringing(FakeNetwork(), tmp_path) as bell:
        state = bell.door.state
        buttons = DoorButtons(BUTTONS, bell.doorbell, state)
        buttons.button_did("front", Press.STUCK)
        assert "button_stuck" in fault_codes(state)
        assert "button front" in state.stuck
        buttons.button_did("front", Press.FREE)
        assert "button_stuck" not in fault_codes(state)
        buttons.button_failed("front", "gpio 17: taken")
        assert state.faults == {"button front": "gpio 17: taken"}
    assert bell.told("ring") == []
