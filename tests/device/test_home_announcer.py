"""The device in Home Assistant: said at each connect and birth, and taken back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from agent.core.policy.rules import Policy
from agent.device.home_announcer import FILE_NAME, HEARD_AFTER, PAUSE, HomeAnnouncer
from agent.device.reloading import Reloader
from agent.device.retained import Retained
from agent.settings import Settings
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork, Message
from tests.waiting import PATIENCE, until

CONFIG = "homeassistant/device/door-1/config"
BIRTH = "homeassistant/status"
ON = {"homeassistant": {"enabled": True}}
OFF = {"homeassistant": {"enabled": False}}
DOOR = {"output": [{"name": "door", "kind": "door"}], "commands": ["close", "open"]}


@dataclass
class House:
    """A device beside a Home Assistant that says when it listens. `healths` counts how often health
    was due; a pause is over when `go_on` is set.
    """

    network: FakeNetwork
    broker: FakeBroker
    home: FakeBroker
    wanted: Settings
    folder: Path
    messages: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    healths: int = 0
    pauses: list[float] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    reloader: Any = None

    def settings(self, *changes: dict[str, Any]) -> Settings:
        values: dict[str, Any] = {"uid": "door-1", "state_directory": self.folder}
        for change in changes:
            values |= change
        return Settings.model_validate(values)

    def reload(self, *changes: dict[str, Any]) -> None:
        self.wanted = self.settings(*changes)
        self.reloader.reload()

    def said(self, topic: str = CONFIG) -> list[Message]:
        return [each for each in self.network.published if each.topic == topic]

    def stands(self, topic: str = CONFIG) -> dict[str, Any] | None:
        """The entities that the broker keeps."""
        kept = self.network.retained.get(topic)
        return None if kept is None else json.loads(kept.payload)["cmps"]

    async def born(self, payload: bytes = b"online", *, retain: bool = False) -> None:
        """Home Assistant says so, and the device has taken it in."""
        before = len(self.pauses)
        self.home.publish(BIRTH, payload, retain=retain)
        if payload == b"online" and not retain:
            await until(lambda: len(self.pauses) > before)

    async def settled(self) -> None:
        """All that the announcer does at once is done."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self.go_on.wait()

    def due(self) -> None:
        self.healths += 1


@asynccontextmanager
async def house(
    folder: Path, *changes: dict[str, Any], network: FakeNetwork | None = None
) -> AsyncIterator[House]:
    """One run of the device, in its state directory."""
    net = network or FakeNetwork()
    broker, home = FakeBroker(net, "door-1"), FakeBroker(net, "home")
    here = House(net, broker, home, Settings(uid="none"), folder)
    here.go_on.set()
    here.wanted = running = here.settings(*changes)
    policy = Policy(timezone=UTC)
    here.reloader = Reloader(lambda: (here.wanted, policy), running, nullcontext)
    announcer = HomeAnnouncer(
        running,
        broker,
        Retained(broker),
        here.reloader,
        lambda: here.messages,
        lambda: here.ends,
        here.due,
        here.pause,
        (0.0,),
    )
    async with broker, home:
        await broker.wait_connected(PATIENCE)
        async with announcer:
            await here.settled()
            yield here


async def test_device_is_announced_and_kept_by_the_broker(tmp_path: Path) -> None:
    async with house(tmp_path, ON, DOOR) as here:
        (message,) = here.said()
        assert message.retain
        assert here.stands() == json.loads(message.payload)["cmps"]
        assert "lock_door" in json.loads(message.payload)["cmps"]
        # what comes by health is heard by whoever has subscribed to it by then
        assert here.healths == 1


async def test_device_is_announced_again_on_each_connect(tmp_path: Path) -> None:
    async with house(tmp_path, ON) as here:
        here.network.stop()
        assert here.stands() is None
        here.network.start()
        await here.broker.wait_connected(PATIENCE)
        assert here.stands() is not None


async def test_device_is_announced_again_when_home_assistant_is_born(tmp_path: Path) -> None:
    async with house(tmp_path, ON) as here:
        await here.born()
        await until(lambda: len(here.said()) == 2)
        await until(lambda: here.healths == 2)
        assert PAUSE[0] <= here.pauses[0] <= PAUSE[1]


@pytest.mark.parametrize(("payload", "retain"), [(b"offline", False), (b"online", True)])
async def test_what_is_no_birth_moves_nobody(tmp_path: Path, payload: bytes, retain: bool) -> None:
    async with house(tmp_path, ON) as here:
        await here.born(payload, retain=retain)
        await here.settled()
        assert here.pauses == []
        assert len(here.said()) == 1


async def test_birth_before_the_connection_was_lost_is_left_to_the_next(tmp_path: Path) -> None:
    async with house(tmp_path, ON, DOOR) as here:
        here.reload(ON)
        here.go_on.clear()
        await here.born()
        here.network.stop(forget=False)
        here.go_on.set()
        await here.settled()
        here.network.start()
        await here.broker.wait_connected(PATIENCE)
        before = len(here.said())
        await here.born()
        await until(lambda: len(here.said()) == before + 3)


async def test_device_that_is_not_wanted_says_and_hears_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, OFF) as here:
        assert here.network.published == []
        assert BIRTH not in here.network.subscriptions_of("door-1")
    assert not (tmp_path / FILE_NAME).exists()


async def test_reload_switches_it_on_and_off(tmp_path: Path) -> None:
    async with house(tmp_path, OFF) as here:
        here.reload(ON)
        assert here.stands() is not None
        await here.settled()
        assert BIRTH in here.network.subscriptions_of("door-1")
        here.reload(OFF)
        await until(lambda: here.stands() is None)
        here.network.stop()
        here.network.start()
        await here.broker.wait_connected(PATIENCE)
        await here.settled()
        # told once: again would be a warning in Home Assistant's log
        assert here.said()[-1].payload == b""
        assert sum(not each.payload for each in here.said()) == 1


async def test_switched_off_device_is_removed_once_more_when_home_assistant_is_born(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, ON, DOOR) as here:
        network, whole = here.network, here.said()[-1].payload
        await until((tmp_path / FILE_NAME).exists)
    async with house(tmp_path, OFF, DOOR, network=network) as here:
        await until(lambda: here.stands() is None)
        before = len(here.said())
        await here.born()
        await until(lambda: len(here.said()) == before + 2)
        known, gone = here.said()[before:]
        assert (known.payload, known.retain) == (whole, False) or (
            json.loads(known.payload)["cmps"].items() <= json.loads(whole)["cmps"].items()
        )
        assert (gone.payload, gone.retain) == (b"", True)
        await until(lambda: BIRTH not in here.network.subscriptions_of("door-1"))
        await until(lambda: not (tmp_path / FILE_NAME).exists())


async def test_entity_that_is_gone_is_removed_and_once_more_at_a_birth(tmp_path: Path) -> None:
    async with house(tmp_path, ON, DOOR) as here:
        network = here.network
        await until((tmp_path / FILE_NAME).exists)
    async with house(tmp_path, ON, network=network) as here:
        assert (here.stands() or {})["lock_door"] == {"p": "lock"}
        before = len(here.said())
        await here.born()
        await until(lambda: len(here.said()) == before + 3)
        *_, known, gone = here.said()
        assert not known.retain
        assert "cmd_t" in json.loads(known.payload)["cmps"]["lock_door"]
        assert json.loads(gone.payload)["cmps"]["lock_door"] == {"p": "lock"}
        assert gone.retain
        # and never again
        await here.born()
        await until(lambda: len(here.said()) == before + 4)
        assert "lock_door" not in (here.stands() or {})


async def test_reload_of_commands_changes_what_is_there(tmp_path: Path) -> None:
    async with house(tmp_path, ON) as here:
        assert (here.stands() or {})["answer"] == {"p": "button"}
        here.reload(ON, {"commands": ["accept"]})
        assert "cmd_t" in (here.stands() or {})["answer"]
        assert (here.stands() or {})["hang_up"] == {"p": "button"}


async def test_birth_shows_what_was_plugged_in_since(tmp_path: Path) -> None:
    async with house(tmp_path, ON, {"commands": ["volume", "say"]}) as here:
        assert (here.stands() or {})["speaker"] == {"p": "number"}
        here.ends, here.messages = ("speaker",), ("hello",)
        await here.born()
        await until(lambda: len(here.said()) == 2)
        assert "cmd_t" in (here.stands() or {})["speaker"]
        assert (here.stands() or {})["say"]["ops"] == ["hello"]


async def test_other_prefix_moves_the_device(tmp_path: Path) -> None:
    async with house(tmp_path, ON) as here:
        here.reload({"homeassistant": {"enabled": True, "prefix": "ha"}})
        assert here.stands("ha/device/door-1/config") is not None
        await until(lambda: here.stands() is None)
        await here.settled()
        subscribed = here.network.subscriptions_of("door-1")
        assert "ha/status" in subscribed
        assert BIRTH not in subscribed
        here.network.stop()
        here.network.start()
        await here.broker.wait_connected(PATIENCE)
        assert here.stands() is None


async def test_file_that_cannot_be_read_costs_no_announcement(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).write_text("{]")
    async with house(tmp_path, ON) as here:
        assert here.stands() is not None
        await until(lambda: CONFIG in (tmp_path / FILE_NAME).read_text())
    assert "cannot be used" in caplog.text


async def test_disk_that_does_not_take_it_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # it cannot be replaced by a file
    (tmp_path / "state" / FILE_NAME).with_suffix(".new").mkdir(parents=True)
    async with house(tmp_path / "state", ON) as here:
        await until(lambda: "is not kept over a restart" in caplog.text)
        assert here.stands() is not None


def test_health_waits_until_home_assistant_has_subscribed() -> None:
    """What is told at once is told to nobody."""
    assert min(HEARD_AFTER) >= 2
