"""A device with doors, and everybody who says something to it."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.client.conversation import Conversation
from agent.core.call.machine import State
from agent.core.call.reasons import CallMode, CloseReason
from agent.doorbell.output_settings import OutputSettings
from agent.signaling.protocol import messages as wire
from tests.devices import UID, Device, device
from tests.fakes.broker import FakeBroker
from tests.fakes.manual_clock import ManualClock
from tests.fakes.network import FakeNetwork
from tests.parties import FAST, NOW, PREFIX
from tests.waiting import until

DOOR = OutputSettings.model_validate({"name": "door", "kind": "door"})
CODED = OutputSettings.model_validate({"name": "gate", "kind": "door", "code": "4711"})
LAMP = OutputSettings.model_validate({"name": "lamp", "kind": "light"})
CALL = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
LOWEST = "00000000-0000-4000-8000-000000000000"
RULES = (
    {"name": "family", "callers": ["alice", "bob"], "action": "accept", "open": True},
    {"name": "asked", "callers": ["ringer"], "action": "ring", "open": True},
    {"name": "post", "callers": ["post"], "action": "accept"},
)


@dataclass
class Scene:
    """A device, and everybody who says something to it. `clock` is never set by itself."""

    door: Device
    anybody: FakeBroker
    clock: ManualClock
    wall: list[float]
    tick: Any = field(default_factory=lambda: itertools.count(1))

    def say(self, sender: str, **message: Any) -> None:
        self.anybody.publish(f"{PREFIX}/{UID}/signal/{sender}", json.dumps(message).encode())

    def heard(self, uid: str, *kinds: str) -> list[dict[str, Any]]:
        topic = f"{PREFIX}/{uid}/signal/{UID}"
        published = self.door.network.published
        said = [json.loads(each.payload) for each in published if each.topic == topic]
        return [each for each in said if each["type"] in kinds]

    async def invite(
        self, uid: str = "alice", party: str = "phone", call: str = CALL, **more: Any
    ) -> None:
        before = len(self.heard(uid, "response", "ringing"))
        head = {"type": "invite", "conversation": call, "party": party, "sdp": "v=0"}
        self.say(uid, **head, sentAt=wire.format_time(self.wall[0]), **more)
        await until(lambda: len(self.heard(uid, "response", "ringing")) > before)

    async def hang_up(self, reason: CloseReason = CloseReason.USER_HANGUP) -> None:
        (conversation,) = self.door.client.conversations.values()
        await conversation.close(reason)

    async def ask(
        self, uid: str = "alice", party: str = "phone", call: str = CALL, **more: Any
    ) -> str:
        """What is answered to an `open`: `opened`, or the code. Each is asked a millisecond after
        the one before, unless it says when.
        """
        before = len(self.heard(uid, "opened", "error"))
        issued = wire.format_time(self.wall[0] + next(self.tick) / 1000)
        head = {"type": "open", "conversation": call, "party": party, "issuedAt": issued}
        self.say(uid, **(head | more))
        await until(lambda: len(self.heard(uid, "opened", "error")) > before)
        answer = self.heard(uid, "opened", "error")[-1]
        return "opened" if answer["type"] == "opened" else str(answer["code"])

    async def releases(self, action: str = "open") -> list[dict[str, Any]]:
        # the disk has them first
        await self.door.outbox.flush(30)
        return [each for each in self.door.events() if each.get("action") == action]

    async def refusals(self) -> list[dict[str, Any]]:
        return await self.releases("refused")


@asynccontextmanager
async def scene(folder: Path, *rules: dict[str, Any], lines: int = 1) -> AsyncIterator[Scene]:
    network, clock, walls = FakeNetwork(), ManualClock(), [NOW]
    options = replace(FAST, monotonic=clock, wall=lambda: walls[0], max_conversations=lines)
    made = device(network, folder, *(rules or RULES), options=options, outputs=(DOOR, CODED, LAMP))
    async with made as door, FakeBroker(network, "anybody") as anybody:
        await anybody.wait_connected(30)
        yield Scene(door, anybody, clock, walls)


async def ring_out(at: Scene, *to: str) -> Conversation:
    conversation = at.door.actions.call(to, lifetime=30, mode=CallMode.PARALLEL)
    await until(lambda: conversation.state is State.INVITING)
    return conversation


def answer(at: Scene, conversation: Conversation, uid: str, party: str = "phone") -> None:
    head = {"type": "response", "conversation": conversation.id, "party": party}
    at.say(uid, **head, callStatus="ACCEPTED", sdp="v=0")
