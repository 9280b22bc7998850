"""A device in a real Home Assistant: how soon it is there, how soon a ring, what it costs, and what
is left of it after restarts.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.signaling.protocol.messages import parse_time
from tests.bench.figures import Figure, NotMeasured, spread
from tests.bench.process import usage
from tests.bench.scene import Scene
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.household import (
    STEADY,
    Household,
    household,
    start_device,
    write_configuration,
)
from tests.homeassistant.installation import NEWEST, REMEDY
from tests.homeassistant.restarts import Restarts
from tests.homeassistant.storage import Setup

THERE_TARGET = 3.0  # s
RING_TARGET = 200.0  # ms
MEMORY_TARGET = 1.0  # MiB
# seconds: what comes within five belongs to the press before
PAUSE = 5.5
# seconds until a device that does nothing has settled
IDLE = 20.0
SEED = 20261129
_NOT_INSTALLED = NotMeasured("home-assistant", f"it is not installed: {REMEDY}")


async def measure_home_assistant(scene: Scene) -> list[Figure | NotMeasured]:
    """How soon a device is there, and a ring, and what that costs the device."""
    if not NEWEST.ready:
        return [_NOT_INSTALLED]
    async with _house(scene) as house:
        there = [await _there(house) for _ in range(scene.count(8, 2))]
        house.reconfigure("enabled = false", "enabled = true")
        await house.settled(STEADY)
        rings = [await _ring(house) for _ in range(scene.count(12, 3))]
    with_it, without = await _memory(scene, enabled=True), await _memory(scene, enabled=False)
    there_in, rung_in = statistics.median(there), statistics.median(rings)
    return [
        Figure(
            "enabled to every entity in Home Assistant", there_in, "s", THERE_TARGET, spread(there)
        ),
        Figure("press to the event in Home Assistant", rung_in, "ms", RING_TARGET, spread(rings)),
        Figure("memory for Home Assistant", with_it - without, "MiB", MEMORY_TARGET),
    ]


async def measure_home_restarts(scene: Scene) -> list[Figure | NotMeasured]:
    """Broker, device and Home Assistant, ended in good order or killed, in whatever order."""
    if not NEWEST.ready:
        return [_NOT_INSTALLED]
    async with _house(scene) as house:
        house.reconfigure("enabled = false", "enabled = true")
        await house.settled(STEADY)
        restarts = Restarts(house, frozenset(house.shown()))
        await restarts.run(scene.count(50, 3), SEED)
    details = {"restarts": dict(restarts.counts), "faults": restarts.faults}
    name = "restarts after which Home Assistant showed something wrong"
    return [Figure(name, len(restarts.faults), "", 0, details)]


@asynccontextmanager
async def _house(scene: Scene) -> AsyncIterator[Household]:
    home = HomeAssistant(NEWEST, scene.folder / "home", Setup(mqtt_port=scene.mosquitto.port))
    await asyncio.to_thread(home.start)
    try:
        async with household(scene.folder, home, scene.mosquitto, enabled=False) as house:
            yield house
    finally:
        await asyncio.to_thread(home.stop)


async def _there(house: Household) -> float:
    """Seconds from the reload until all is there with its state; it is taken away again. Health
    comes once in five seconds at most, and has rested longer where somebody switches this on.
    """
    await asyncio.sleep(PAUSE)
    began = time.monotonic()
    house.reconfigure("enabled = false", "enabled = true")
    await house.settled(STEADY)
    took = time.monotonic() - began
    house.reconfigure("enabled = true", "enabled = false")
    await house.link.gone(*house.shown())
    return took


async def _ring(house: Household) -> float:
    """Milliseconds from the press, by the device's own time stamp, to Home Assistant's."""
    before = house.link.states["event.front_door"]["state"]
    await house.press()
    await house.link.wait(lambda: house.shown()["event.front_door"] != before)
    rang = house.link.states["event.front_door"]
    await house.call("button", "press", entity_id="button.front_door_hang_up")
    await asyncio.sleep(PAUSE)
    return (parse_time(rang["state"]) - parse_time(rang["attributes"]["timestamp"])) * 1000


async def _memory(scene: Scene, *, enabled: bool) -> float:
    """Of a device that does nothing, the least of three runs."""
    found = []
    for number in range(scene.count(3, 1)):
        folder = scene.folder / f"memory-{enabled}-{number}"
        folder.mkdir()
        config = write_configuration(folder, scene.mosquitto.port, enabled=enabled)
        found.append(await _resident(scene, folder, config))
    return min(found)


async def _resident(scene: Scene, folder: Path, config: Path) -> float:
    mark = len(scene.watcher.messages)
    device = await start_device(folder, config)
    try:
        await scene.watcher.wait(
            "door-1/status", lambda body: body["state"] == "online", after=mark
        )
        await asyncio.sleep(IDLE)
        return usage(device.pid).private
    finally:
        await device.end()
