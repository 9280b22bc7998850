"""Calls that cross: two clients invite each other within 30 ms, over a real broker, with real
transports (PROTOCOL 3).
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agent.client.call_client import CallClient
from agent.client.call_context import ClientOptions
from agent.client.conversation import Conversation
from agent.connect import BrokerUrl, connected
from agent.core.call import events as ev
from agent.core.call.decision import Action, Decision
from agent.core.call.machine import State
from agent.core.call.reasons import CloseReason
from agent.core.statistics.reports import CallRecord
from agent.ports import CallScreening, Signal
from tests.bench.figures import Figure, spread
from tests.bench.scene import Scene
from tests.conftest import Mosquitto
from tests.fakes.screening import FakeScreening
from tests.waiting import until

# seconds for a pair to meet, on a machine that others keep busy
PATIENCE = 60.0
# below the limit of invitations a minute for one caller
CALLS_OF_ONE = 8


@dataclass
class Side:
    """One client, and the record of each of its conversations."""

    client: CallClient
    records: dict[str, CallRecord] = field(default_factory=dict)

    def keep(self, conversation: Conversation, _name: str, event: object) -> None:
        if isinstance(event, CallRecord):
            self.records[conversation.id] = event

    @property
    def open(self) -> list[Conversation]:
        return list(self.client.conversations.values())


@asynccontextmanager
async def side(
    mosquitto: Mosquitto, uid: str, screening: CallScreening | None = None, *, deaf: bool = False
) -> AsyncIterator[Side]:
    """`deaf`: it does not read invitations."""
    url = BrokerUrl.parse(f"mqtt://{mosquitto.host}:{mosquitto.port}")
    async with connected(url, uid=uid, prefix="callbox/v1", timeout=PATIENCE) as link:
        client = CallClient(link.signaling, link.peers, ClientOptions(), screening=screening)
        if deaf:
            _ignore_invitations(client)
        made = Side(client)
        client.subscribe(made.keep)
        async with client:
            yield made


def _ignore_invitations(client: CallClient) -> None:
    calls = client._calls
    handle: Callable[[Signal], Conversation | None] = calls.handle

    def without_invitations(signal: Signal) -> Conversation | None:
        return None if isinstance(signal.content, ev.Invitation) else handle(signal)

    calls.handle = without_invitations  # type: ignore[method-assign]


async def cross(first: Side, second: Side, pause: float, *, deaf: bool = False) -> float:
    """They invite each other `pause` seconds apart. Returns how many seconds they took until both
    were connected; raises AssertionError where they are not in one conversation.
    """
    began = time.monotonic()
    first.client.call(second.client.uid)
    await asyncio.sleep(pause)
    second.client.call(first.client.uid)

    def met() -> bool:
        open_ = [*first.open, *second.open]
        return len(open_) == 2 and all(each.state is State.ESTABLISHED for each in open_)

    await until(met)
    took = time.monotonic() - began
    (one,), (other,) = first.open, second.open
    assert one.id == other.id
    for each in (first, second):
        for record in each.records.values():
            assert record.reason is CloseReason.ANSWERED_ELSEWHERE, record
            assert record.answered_by == one.id, record
    await one.close()
    async with asyncio.timeout(PATIENCE):
        await other.wait_closed()
    assert len(first.records) == 2
    assert deaf or len(second.records) == 2
    return took


async def measure_crossed(scene: Scene) -> list[Figure]:
    """500 pairs: two programs, a program with a device's rules, and one that cannot answer."""
    times: dict[str, list[float]] = {"two programs": [], "rules": [], "cannot answer": []}
    chance = random.Random(3261)
    for number in range(scene.count(500, 24)):
        kind = ("two programs", "rules", "cannot answer")[number % 3]
        rules = FakeScreening(lambda _: Decision(Action.RING)) if kind != "two programs" else None
        deaf = kind == "cannot answer"
        group = number // CALLS_OF_ONE
        async with (
            side(scene.mosquitto, f"door-{group}", rules) as door,
            side(scene.mosquitto, f"desk-{group}", deaf=deaf) as desk,
        ):
            times[kind].append(await cross(door, desk, chance.uniform(0, 0.03), deaf=deaf))
    return [
        Figure(f"crossed calls, {kind}", statistics.median(each) * 1000, "ms", None, spread(each))
        for kind, each in times.items()
    ]
