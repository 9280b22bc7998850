"""The integration in a Home Assistant, and a device that it has found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.conftest import Mosquitto
from tests.e2e.device import Program, Watcher, device, watching
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.link import Link
from tests.homeassistant.player import Player
from tests.waiting import PATIENCE

# by which Home Assistant's player offers a microphone
LABS = [("camera", "two_way_audio")]
HOUSEHOLD = "homeassistant"
Answer = TypeVar("Answer")
ACCEPT = f'[[policy.rule]]\nname = "home"\ncallers = ["{HOUSEHOLD}"]\naction = "accept"\n'
RING = '[ring]\ntargets = ["alice"]\n{extra}[[button]]\nname = "front"\n'


@dataclass
class Scene:
    """A device in a home."""

    uid: str
    home: HomeAssistant
    link: Link
    watcher: Watcher
    program: Program
    entry_id: str

    @property
    def camera(self) -> str:
        return f"camera.{self.uid.replace('-', '_')}"

    def player(self, *, talk: bool = False) -> Player:
        return Player(self.link, self.camera, talk=talk)

    async def until_issues(self, *wanted: str) -> None:
        await until_issues(self.link, self.entry_id, *wanted)

    async def call_state(self) -> str:
        """What the device's line does now."""
        name = f"{self.uid}/call"
        states = [each.body for each in self.watcher.messages if each.name == name]
        return str(states[-1]["state"])

    async def ask(self, verb: str, **fields: Any) -> Any:
        """A command, and its result."""
        start = len(self.watcher.messages)
        name = f"{verb}-{start}"
        self.watcher.publish(f"{self.uid}/command/{verb}", {"id": name, **fields})
        return await self.watcher.wait(
            f"{self.uid}/events/command_result", lambda body: body["id"] == name, after=start
        )


async def asked_again(question: Callable[[], Awaitable[Answer]]) -> Answer:
    """The first answer that is not empty; Home Assistant tells of a flow and of an issue only
    whoever asks.
    """
    async with asyncio.timeout(PATIENCE):
        while not (answer := await question()):  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.1)
        return answer


async def issues(link: Link, entry_id: str) -> set[str]:
    """The keys of the repairs that stand for one entry."""
    found = (await link.command("repairs/list_issues"))["issues"]
    return {each["translation_key"] for each in found if each["issue_id"].endswith(entry_id)}


async def until_issues(link: Link, entry_id: str, *wanted: str) -> None:
    async def there() -> bool:
        return await issues(link, entry_id) == {*wanted}

    await asked_again(there)


async def confirm(home: HomeAssistant, link: Link, uid: str) -> str:
    """Add the device that has announced itself; the id of its entry."""

    named = {"name": uid}

    async def flow() -> str | None:
        found = await link.command("config_entries/flow/progress")
        ours = [each for each in found if each["handler"] == "callbox"]
        named_so = (each for each in ours if each["context"].get("title_placeholders") == named)
        return next((str(each["flow_id"]) for each in named_so), None)

    path = f"/api/config/config_entries/flow/{await asked_again(flow)}"
    step = await asyncio.to_thread(home.post, path, {})
    assert step["type"] == "create_entry", step
    return str(step["result"]["entry_id"])


@asynccontextmanager
async def at_home(
    folder: Path,
    home: HomeAssistant,
    broker: Mosquitto,
    uid: str,
    extra: str = "",
    *,
    policy: str = ACCEPT,
) -> AsyncIterator[Scene]:
    """A device with the test pattern, found, confirmed and there."""
    async with (
        watching(broker) as watcher,
        device(folder, broker, watcher, extra, policy=policy, uid=uid) as program,
        home.link() as link,
    ):
        entry_id = await confirm(home, link, uid)
        scene = Scene(uid, home, link, watcher, program, entry_id)
        await link.state(scene.camera, "idle")
        yield scene
