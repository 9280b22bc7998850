"""A button at the door: how long it takes to ring, and whether each press is told once."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.connect import BrokerUrl, connected
from agent.core.call.reasons import Purpose
from agent.service.status_client import press
from tests.bench.figures import Figure, spread
from tests.bench.scene import Scene
from tests.conftest import Mosquitto
from tests.e2e.device import UID, watching
from tests.waiting import PATIENCE

RING_TARGET = 150.0  # ms
WARM_TARGET, COLD_TARGET = 500.0, 1200.0  # ms
# seconds: what comes within five belongs to the press before, and whoever is rung takes ten
# invitations a minute
PAUSE = 6.5
BUTTONS = 16

RINGS = '[ring]\ntargets = ["home"]\nat_most = "100/m"\n[[button]]\nname = "front"\n'


async def measure_rings(scene: Scene) -> list[Figure]:
    """Press to the invitation in the program that is rung, and to the retained picture; with a
    camera that runs, and with one that has to be opened.
    """
    async with scene.device(extra=RINGS), _home(scene) as home:
        cold = [await home.press(scene) for _ in range(scene.count(8, 2))]
        async with home.looking():
            warm = [await home.press(scene) for _ in range(scene.count(12, 3))]
    return [
        _figure("press to ring, camera off", [each.ring for each in cold], RING_TARGET),
        _figure("press to ring, camera on", [each.ring for each in warm], RING_TARGET),
        _share("rings without a picture in the invitation, camera off", cold),
        _share("rings without a picture in the invitation, camera on", warm),
        _figure("press to picture, camera off", [each.picture for each in cold], COLD_TARGET),
        _figure("press to picture, camera on", [each.picture for each in warm], WARM_TARGET),
    ]


@dataclass(frozen=True, slots=True)
class _Press:
    """Milliseconds until it rings, and until the picture is retained; whether a small one came with
    the invitation.
    """

    ring: float
    picture: float
    shown: bool


def _share(name: str, presses: list[_Press]) -> Figure:
    without = sum(not each.shown for each in presses)
    return Figure(name, 100 * without / len(presses), "%", details={"presses": len(presses)})


def _figure(name: str, times: list[float], target: float) -> Figure:
    return Figure(name, statistics.median(times), "ms", target, spread(times))


class _Home:
    """Whoever is rung: `called` are the times at which it was."""

    def __init__(self, client: CallClient) -> None:
        self._client = client
        self.called: asyncio.Queue[tuple[float, Conversation]] = asyncio.Queue()
        client.on("called", lambda each: self.called.put_nowait((time.monotonic(), each)))

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        view = self._client.call(UID, purpose=Purpose.VIEW)
        await view.answered()
        yield
        await view.close()

    async def press(self, scene: Scene) -> _Press:
        mark, began = len(scene.watcher.messages), time.monotonic()
        pressing = asyncio.create_task(asyncio.to_thread(press, status_socket(scene), "front"))
        picture = asyncio.create_task(_picture(scene, mark))
        async with asyncio.timeout(PATIENCE):
            rang_at, call = await self.called.get()
            pictured_at = await picture
            await pressing
        await call.reject("declined")
        await asyncio.sleep(PAUSE)
        user_data = call.invitation.user_data if call.invitation is not None else {}
        return _Press(
            (rang_at - began) * 1000, (pictured_at - began) * 1000, "snapshot" in user_data
        )


async def _picture(scene: Scene, mark: int) -> float:
    await scene.watcher.wait(f"{UID}/snapshot", after=mark)
    return time.monotonic()


def status_socket(scene: Scene) -> Path:
    return scene.folder / "run" / "status.sock"


@asynccontextmanager
async def _home(scene: Scene) -> AsyncIterator[_Home]:
    url = BrokerUrl.parse(f"mqtt://127.0.0.1:{scene.mosquitto.port}")
    async with (
        connected(url, uid="home", prefix="callbox/v1", timeout=PATIENCE) as link,
        CallClient(link.signaling, link.peers) as client,
    ):
        yield _Home(client)


async def measure_ring_kills(scene: Scene) -> list[Figure]:
    """Presses of sixteen buttons, while the broker is killed every few seconds: each is told, with
    one eventId.
    """
    presses = scene.count(1000, 100)
    buttons = "".join(f'[[button]]\nname = "b{number}"\n' for number in range(BUTTONS))
    extra = '[ring]\nsnapshot = false\nat_most = "100/m"\n' + buttons
    pressed: list[str] = []
    broker = Mosquitto(scene.folder, persistent=True)
    broker.start()
    try:
        async with watching(broker, session_expiry=3600) as watcher:
            deliveries, kills = await _amid_kills(
                replace(scene, mosquitto=broker, watcher=watcher), extra, pressed, presses
            )
    finally:
        broker.stop()
    foreign = deliveries.keys() - set(pressed)
    details = {"presses": presses, "kills": kills, "deliveries": deliveries.total()}
    return [
        Figure("rings that were lost", len(set(pressed) - deliveries.keys()), "", 0, details),
        Figure("rings that nobody pressed", len(foreign), "", 0),
    ]


async def _amid_kills(
    scene: Scene, extra: str, pressed: list[str], presses: int
) -> tuple[Counter[str], int]:
    """Deliveries by eventId, and how often the broker died."""
    chance, kills, deliveries = random.Random(15), 0, Counter[str]()
    async with scene.device(extra=extra):
        for number in range(presses):
            if number % BUTTONS == 0:
                await asyncio.sleep(PAUSE)
            outcome = await asyncio.to_thread(press, status_socket(scene), f"b{number % BUTTONS}")
            pressed.append(outcome["eventId"])
            if chance.random() < 0.08:
                await asyncio.to_thread(scene.mosquitto.kill)
                await asyncio.to_thread(scene.mosquitto.start)
                kills += 1
        async with asyncio.timeout(6 * PATIENCE):
            while set(pressed) - deliveries.keys():
                await asyncio.sleep(0.2)
                deliveries = Counter(
                    each.body["eventId"]
                    for each in scene.watcher.messages
                    if each.name == f"{UID}/events/ring"
                )
    return deliveries, kills
