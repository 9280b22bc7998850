"""What a long press does."""

from __future__ import annotations

from pathlib import Path

from agent.device.doorbell_ports import DoorbellPorts
from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.output_settings import OutputSettings
from tests.device.door_scene import DOOR, LAMP
from tests.devices import device
from tests.fakes.network import FakeNetwork
from tests.waiting import until

GONG = OutputSettings.model_validate({"name": "gong", "kind": "chime"})


def holding(what: str) -> ButtonSettings:
    return ButtonSettings.model_validate({"name": "front", "hold": what})


async def test_long_press_switches_what_it_names(tmp_path: Path) -> None:
    async with device(FakeNetwork(), tmp_path, outputs=(DOOR, LAMP, GONG)) as door:
        outputs, presses = door.door.outputs, door.door.long_presses
        for name in ("lamp", "door", "gong"):
            presses.held(holding(name))
        assert [outputs.is_on(name) for name in ("lamp", "door", "gong")] == [True, True, True]
        presses.held(holding("lamp"))
        assert not outputs.is_on("lamp")
        # the settings name none such; nobody is told, and nothing fails
        presses.held(holding("cellar"))
        await door.outbox.flush(30)
        told = [(each["output"], each["action"], each["by"]) for each in door.events()]
    assert told == [
        ("lamp", "on", "button"),
        ("door", "open", "button"),
        ("gong", "on", "button"),
        ("lamp", "off", "button"),
    ]


async def test_long_press_turns_privacy_on_and_off(tmp_path: Path) -> None:
    async with device(FakeNetwork(), tmp_path) as door, door.door.long_presses as presses:
        for on in (True, False):
            presses.held(holding("privacy"))
            await until(lambda on=on: door.door.privacy.on is on)  # type: ignore[misc]


async def test_long_presses_are_what_a_doorbell_hands_on(tmp_path: Path) -> None:
    class Bell:
        ports = DoorbellPorts()
        opened = 0

        def door_opened(self) -> None:
            self.opened += 1

    async with device(FakeNetwork(), tmp_path, outputs=(DOOR, GONG)) as door:
        bell = Bell()
        door.door.connect(bell)  # type: ignore[arg-type]
        bell.ports.held(holding("door"))
        assert bell.opened == 1
        bell.ports.chime("button")
        assert door.door.outputs.is_on("gong")
        await door.door.privacy.set(True)
        assert bell.ports.privacy()
