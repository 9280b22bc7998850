"""Everything that a device switches, and what it says of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.device.output_bank import BoardParts, Contact, OutputBank
from agent.device.output_events import OutputEvents
from agent.doorbell.output_line import OutputFailed, OutputLine, VirtualLine
from agent.doorbell.output_settings import OutputKind, OutputSettings
from agent.errors import NotSupportedError, RefusedError
from agent.signaling.protocol.topics import Topics
from tests.devices import UID, Device, device
from tests.fakes.network import FakeNetwork
from tests.parties import NOW, PREFIX
from tests.waiting import until


class Reed:
    """A contact that a test opens and shuts, from a thread as gpiozero does."""

    def __init__(self, changed: Callable[[bool], None]) -> None:
        self.is_open = False
        self.closed = False
        self._changed = changed

    def move(self, is_open: bool) -> None:
        self.is_open = is_open
        mover = threading.Thread(target=self._changed, args=(is_open,))
        mover.start()
        mover.join()

    def close(self) -> None:
        self.closed = True


@dataclass
class Parts:
    """Virtual lines, or none where it is `broken`."""

    lines: dict[str, VirtualLine] = field(default_factory=dict)
    reeds: list[Reed] = field(default_factory=list)
    broken: bool = False

    def line(self, settings: OutputSettings) -> OutputLine:
        if self.broken:
            raise OutputFailed("no chip of pins")
        return self.lines.setdefault(settings.name, VirtualLine())

    def contact(self, settings: OutputSettings, changed: Callable[[bool], None]) -> Contact:
        if self.broken:
            raise OutputFailed("no chip of pins")
        self.reeds.append(Reed(changed))
        return self.reeds[-1]


def output(name: str, kind: str, **more: Any) -> OutputSettings:
    return OutputSettings.model_validate({"name": name, "kind": kind} | more)


ALL = (
    output("door", "door", contact=24),
    output("lamp", "light"),
    output("eye", "camera_light"),
    output("gong", "chime"),
    output("horn", "siren"),
)


class Hush:
    silenced = False


@dataclass
class Scene:
    door: Device
    bank: OutputBank
    parts: Parts
    hush: Hush

    def said(self, name: str) -> dict[str, Any]:
        return self.door.on(f"output/{name}")[-1]


@asynccontextmanager
async def scene(folder: Path, parts: Parts | None = None) -> AsyncIterator[Scene]:
    async with device(FakeNetwork(), folder) as door:
        parts, hush = parts or Parts(), Hush()
        events = OutputEvents(door.outbox, Topics(PREFIX), UID, lambda: NOW)
        retained = door.status._retained
        bank = OutputBank(
            ALL,
            retained,
            Topics(PREFIX),
            UID,
            events,
            door.state,
            lambda: NOW,
            silence=hush,
            parts=parts,
        )
        async with bank:
            yield Scene(door, bank, parts, hush)


async def test_output_bank_says_at_the_start_that_all_is_off(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        states = {each.name: at.said(each.name) for each in ALL}
    assert {name: each["state"] for name, each in states.items()} == {
        each.name: "off" for each in ALL
    }
    assert states["door"] == {
        "state": "off",
        "since": "2027-01-15T08:00:00.000Z",
        "by": "device",
        "contact": "closed",
    }
    assert "contact" not in states["lamp"]


async def test_output_bank_switches_and_says_who_did(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        changes: list[tuple[str, bool]] = []
        at.bank.on_change(lambda name, on: changes.append((name, on)))
        at.bank.switch("lamp", True, "button")
        await until(lambda: at.said("lamp")["state"] == "on")
        assert at.said("lamp")["by"] == "button"
        at.bank.toggle("lamp", "alice")
        await until(lambda: at.said("lamp")["state"] == "off")
        assert at.said("lamp")["by"] == "alice"
        assert changes == [("lamp", True), ("lamp", False)]
        await at.door.outbox.flush(30)
        told = [(each["output"], each["action"], each["by"]) for each in at.door.events()]
    assert told == [("lamp", "on", "button"), ("lamp", "off", "alice")]


async def test_output_bank_leaves_nothing_on(tmp_path: Path) -> None:
    parts = Parts()
    async with scene(tmp_path, parts) as at:
        for name in ("door", "lamp", "gong", "horn"):
            at.bank.switch(name, True, "button")
        at.bank.camera_light(True)
        assert all(line.is_on for line in parts.lines.values())
    assert not any(line.is_on for line in parts.lines.values())
    assert parts.reeds[0].closed
    assert {at.said(each.name)["state"] for each in ALL} == {"off"}


async def test_output_bank_knows_no_other_names(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        with pytest.raises(NotSupportedError, match="no output cellar"):
            at.bank.switch("cellar", True, "button")
        with pytest.raises(NotSupportedError):
            at.bank.toggle("cellar", "button")
        assert at.bank.kind_of("cellar") is None
        assert at.bank.kind_of("gong") is OutputKind.CHIME
        assert at.bank.named(OutputKind.DOOR) == ["door"]


async def test_output_bank_sounds_no_chime_that_is_to_be_still(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        at.hush.silenced = True
        assert not at.bank.chime("button")
        assert not at.parts.lines["gong"].is_on
        at.hush.silenced = False
        assert at.bank.chime("button")
        assert at.bank.is_on("gong")


async def test_output_bank_follows_the_camera_from_any_thread(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await asyncio.to_thread(at.bank.camera_light, True)
        assert at.parts.lines["eye"].is_on
        await until(lambda: at.said("eye")["state"] == "on")
        assert at.said("eye")["by"] == "device"
        await asyncio.to_thread(at.bank.camera_light, False)
        assert not at.parts.lines["eye"].is_on


async def test_output_bank_tells_whether_the_door_is_open(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        at.parts.reeds[0].move(True)
        await until(lambda: at.said("door").get("contact") == "open")
        # the lock is shut again long before the door is
        assert at.said("door")["state"] == "off"
        at.parts.reeds[0].move(False)
        await until(lambda: at.said("door").get("contact") == "closed")


async def test_output_bank_without_pins_is_a_fault_and_no_end(tmp_path: Path) -> None:
    parts = Parts(broken=True)
    async with scene(tmp_path, parts) as at:
        await until(lambda: "output lamp" in at.door.state.faults)
        assert at.door.state.faults["contact door"] == "no chip of pins"
        with pytest.raises(RefusedError, match="lamp: no chip of pins") as caught:
            at.bank.switch("lamp", True, "alice")
        assert caught.value.code == "failed"
        parts.broken = False
        at.bank.switch("lamp", True, "alice")
        await until(lambda: "output lamp" not in at.door.state.faults)
        assert at.bank.is_on("lamp")


def test_board_parts_without_a_pin_are_virtual() -> None:
    assert isinstance(BoardParts().line(output("door", "door")), VirtualLine)
