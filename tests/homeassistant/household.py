"""A device with everything, the broker that it shares with Home Assistant, and somebody who watches
both.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.service.status_client import press
from agent.settings.models import CARRIED_OUT
from tests.conftest import Mosquitto
from tests.e2e.device import UID, Program, Watcher, watching
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.installation import OLDEST
from tests.homeassistant.link import Link
from tests.waiting import START_TIMEOUT

MESSAGES = ("just-a-moment", "leave-it-at-the-door")
CODE = "4711"
# what Home Assistant shows of a device where nothing has happened yet
ENTITIES = {
    "event.front_door": "unknown",
    "event.front_door_missed": "unknown",
    "image.front_door_last_visitor": "unknown",
    "sensor.front_door_call": "idle",
    # it is remembered, so it has none until somebody has called
    "sensor.front_door_last_caller": "unavailable",
    "button.front_door_answer": "unknown",
    "button.front_door_hang_up": "unknown",
    "lock.front_door_lock": "locked",
    "switch.front_door_privacy": "off",
    "switch.front_door_silence": "off",
    "select.front_door_calls": "by the rules",
    "select.front_door_quick_reply": "unknown",
    "number.front_door_speaker_volume": "80",
    "number.front_door_microphone_volume": "80",
    "binary_sensor.front_door_problem": "off",
}
HIDDEN = {"sensor.front_door_temperature", "sensor.front_door_wi_fi_signal"}
UNDER_VOLTAGE = "binary_sensor.front_door_under_voltage"  # known on a board alone
STEADY = {
    entity: state
    for entity, state in ENTITIES.items()
    if not entity.startswith(("event.", "image.", "button.")) and "last_caller" not in entity
}
"""What does not depend on what has happened before."""


# what is pressed while the device is away, which Home Assistant itself tells
_EXPECTED = ("not currently available",)
# a version that told of each removal, and of each code that it refused, as of a fault
_OLD = ("No device components to cleanup", "Error handling request")


def complaints(home: HomeAssistant, *, after: int = 0) -> list[str]:
    """Warnings and errors of its log, from the index `after` of all on, that are about us."""
    expected = (*_EXPECTED, *(_OLD if home.installation == OLDEST else ()))
    found = home.complaints()[after:]
    return [each for each in found if not any(words in each for words in expected)]


def silent_message(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(9_600))


@dataclass
class Household:
    """`config` is the device's file; `link` is closed while Home Assistant is away."""

    folder: Path
    home: HomeAssistant
    broker: Mosquitto
    watcher: Watcher
    link: Link
    device: Program

    @property
    def config(self) -> Path:
        return self.folder / "door.toml"

    async def press(self) -> dict[str, Any]:
        """Somebody rings."""
        return await asyncio.to_thread(press, self.folder / "status.sock", "front")

    async def call(self, domain: str, service: str, **data: Any) -> Any:
        """An action by Home Assistant's REST API. Raises HTTPError where it refuses."""
        return await asyncio.to_thread(self.home.call, domain, service, **data)

    def shown(self) -> dict[str, str]:
        """The device in Home Assistant as it stands."""
        return {
            entity: each["state"]
            for entity, each in self.link.states.items()
            if entity.partition(".")[2].startswith("front_door")
        }

    async def settled(self, states: dict[str, str]) -> None:
        """Until Home Assistant shows this."""
        try:
            await self.link.wait(lambda: states.items() <= self.shown().items())
        except TimeoutError:
            raise AssertionError(f"{self.shown()}\n{self.device.log()}") from None

    def changes(self, entity: str) -> list[dict[str, Any]]:
        """Each state that the entity had since the link was made."""
        return [
            each["new_state"]
            for each in self.link.history
            if each["entity_id"] == entity and each["new_state"] is not None
        ]

    def reconfigure(self, old: str, new: str) -> None:
        """Change the file, and have the device read it again."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))
        self.device.signal(signal.SIGHUP)

    async def home_goes(self, *, kill: bool = False) -> None:
        """Home Assistant ends; `kill`: without a word."""
        await self.link.__aexit__(None, None, None)
        await asyncio.to_thread(self.home.kill if kill else self.home.stop)

    async def home_comes(self) -> None:
        await asyncio.to_thread(self.home.start)
        self.link = await self.home.link().__aenter__()

    async def start_device(self) -> None:
        """The one before has ended."""
        mark = len(self.watcher.messages)
        self.device = await start_device(self.folder, self.config)
        await online(self.watcher, after=mark)


async def online(watcher: Watcher, *, after: int = 0) -> None:
    """Until the device says so; a busy machine takes a minute to start a program."""
    async with asyncio.timeout(START_TIMEOUT):
        while True:
            with contextlib.suppress(TimeoutError):
                await watcher.wait(
                    f"{UID}/status", lambda body: body["state"] == "online", after=after
                )
                return


async def start_device(folder: Path, config: Path) -> Program:
    return await Program.start(
        folder / "door.log", "run", "--config", str(config), env={"RUNTIME_DIRECTORY": str(folder)}
    )


def write_configuration(folder: Path, port: int, *, enabled: bool = True) -> Path:
    """A doorbell on loopback, with cards that only take and give silence."""
    messages = folder / "messages"
    messages.mkdir(exist_ok=True)
    for name in MESSAGES:
        silent_message(messages / f"{name}.wav")
    config = folder / "door.toml"
    config.write_text(
        f'uid = "{UID}"\nstate_directory = "{folder / "state"}"\n'
        f"commands = {json.dumps(CARRIED_OUT)}\n[mqtt]\nport = {port}\n"
        '[video]\nsource = "pattern"\nwidth = 320\nheight = 240\nbitrate = 500_000\n'
        '[audio]\ncapture = "alsa:null"\nplayback = "alsa:null"\necho = "off"\n'
        f'[ring]\ntargets = ["alice"]\nat_most = "100/m"\nmessages = "{messages}"\n'
        '[[button]]\nname = "front"\n'
        f'[[output]]\nname = "door"\nkind = "door"\ncode = "{CODE}"\npulse = "0.5s"\n'
        '[[policy.rule]]\nname = "everybody"\naction = "accept"\n'
        f'[homeassistant]\nenabled = {str(enabled).lower()}\nname = "Front door"\n'
    )
    return config


@asynccontextmanager
async def household(
    folder: Path, home: HomeAssistant, broker: Mosquitto, *, enabled: bool = True
) -> AsyncIterator[Household]:
    """The device online, and shown. Its log is free of tracebacks, and what is retained of it is
    taken away at the end.
    """
    config = write_configuration(folder, broker.port, enabled=enabled)
    async with watching(broker) as watcher:
        link = await home.link().__aenter__()
        house = Household(folder, home, broker, watcher, link, await start_device(folder, config))
        try:
            await online(watcher)
            if enabled:
                await house.settled(STEADY)
            yield house
        finally:
            await house.device.end()
            if not home.running:
                # where a test failed in between
                await house.home_comes()
            await forget(house)
            await house.link.__aexit__(None, None, None)
    assert "Traceback" not in house.device.log(), house.device.log()


async def forget(house: Household) -> None:
    """Nothing of the device is left in Home Assistant, and then nothing at the broker."""
    if shown := house.shown():
        broker = house.watcher.broker
        await broker.publish(f"homeassistant/device/{UID}/config", b"", retain=True)
        await house.link.gone(*shown)
    names = ("status", "about", "call", "settings", "snapshot", "output/door")
    await asyncio.wait([house.watcher.publish(f"{UID}/{each}", b"", retain=True) for each in names])
