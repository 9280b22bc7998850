"""A device and its broker, killed at random while calls come and go; and somebody outside who keeps
the books.

Whatever is killed when, each call that anybody has heard of ends with exactly one `closed` (by
eventId), and nothing is closed that nobody began. The watcher's session is kept by the broker on
its disk, and the broker hands a message to the watcher before it acknowledges it to the device: so
what the watcher has not seen, the device has not got rid of.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from agent.core.call.events import MediaGrant, PeerConnected
from agent.ports import IceOptions, LocalStream
from agent.signaling.broker import MessageStream
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.protocol.messages import format_time
from agent.webrtc.peer import AiortcPeer
from tests.conftest import Mosquitto
from tests.e2e.device import PREFIX, UID
from tests.faults.victims import Victims
from tests.waiting import PATIENCE

# seconds, of an invitation
LIFETIME = 30
# refused before there is a conversation
_NO_CALL = {"rate_limited", "conversation_in_use"}
HANG_GUARD = 60.0  # seconds
_EVENTS = ("called", "response", "closed", "error")


@dataclass
class Books:
    """Conversations by id."""

    # by a caller, or by the device that was told to call
    begun: set[str] = field(default_factory=set)
    # somebody has heard of it: so it has its `closed`
    owed: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    # before there was a conversation: too many invitations
    refused: set[str] = field(default_factory=set)
    # deliveries by eventId
    closed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def lost(self) -> set[str]:
        return self.owed - self.closed.keys()

    @property
    def unheard(self) -> set[str]:
        """Nobody has heard anything of them. The device keeps an invitation's acknowledgment back
        until it cannot be lost any more; yet a broker that is killed may lose what it has just
        taken.
        """
        return self.begun - self.owed - self.refused - self.closed.keys()

    @property
    def doubled(self) -> set[str]:
        return {conversation for conversation, ids in self.closed.items() if len(ids) > 1}

    @property
    def invented(self) -> set[str]:
        return self.closed.keys() - self.begun

    @property
    def delivered_again(self) -> int:
        return sum(sum(ids.values()) - len(ids) for ids in self.closed.values())


@dataclass(slots=True)
class Exchange:
    """One call, as a caller sees it. `answer` is the device's `response`, or the `close` instead of
    one.
    """

    conversation: str
    uid: str
    answer: asyncio.Future[dict[str, Any]]


class World:
    """Both callers and watcher. Everything that they say and hear goes into the books."""

    def __init__(self, broker: MqttBroker, offer: str) -> None:
        self.broker = broker
        self.books = Books()
        self.online = False
        self._offer = offer
        self._open: dict[str, Exchange] = {}
        self._callees: set[str] = set()
        self._changed = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def watching(cls, mosquitto: Mosquitto, offer: str) -> AsyncIterator[Self]:
        options = MqttOptions(
            port=mosquitto.port, client_id="world", retry_first=0.05, retry_longest=0.1
        )
        broker = MqttBroker(options)
        stream = broker.subscribe(
            f"{PREFIX}/+/signal/{UID}",
            f"{PREFIX}/{UID}/status",
            *(f"{PREFIX}/{UID}/events/{each}" for each in _EVENTS),
        )
        async with broker:
            await broker.wait_connected(PATIENCE)
            world = cls(broker, offer)
            task = asyncio.create_task(world._run(stream))
            try:
                yield world
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def until(self, condition: Callable[[], bool], timeout: float = HANG_GUARD) -> bool:
        """Wait for what the books show after some message; False where none brought it in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(condition)
        return condition()

    # -- what callers do ---------------------------------------------------------------------------

    async def call(self, hold: float) -> str | None:
        """Invite the device, and hang up `hold` seconds after its answer. Returns that, or None
        without one.
        """
        exchange = self.invite()
        answer = await self.answer(exchange)
        if answer == "ACCEPTED":
            await asyncio.sleep(hold)
            self.hang_up(exchange)
        return answer

    async def call_and_see(self, hold: float) -> None:
        """Likewise, with a transport, so that media flows."""
        connected = asyncio.Event()
        peer = AiortcPeer(
            generation=0,
            local=LocalStream(),
            grant=MediaGrant(),
            ice=IceOptions(),
            on_event=lambda event: connected.set() if isinstance(event, PeerConnected) else None,
            on_control=lambda text: None,
        )
        try:
            exchange = self.invite(await peer.create_offer())
            if await self.answer(exchange) == "ACCEPTED":
                await peer.apply_answer(exchange.answer.result()["sdp"])
                # the device is no more
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(5):
                        await connected.wait()
                await asyncio.sleep(hold)
                self.hang_up(exchange)
        finally:
            await peer.close()

    def change_ones_mind(self) -> None:
        """Invite, and withdraw that in the same breath."""
        self.hang_up(self.invite())

    def invite(self, offer: str | None = None) -> Exchange:
        exchange = self._expect(str(uuid.uuid4()), f"caller-{uuid.uuid4().hex[:12]}")
        sdp = offer or self._offer
        self.say(
            exchange, type="invite", sdp=sdp, sentAt=format_time(time.time()), lifetime=LIFETIME
        )
        return exchange

    async def answer(self, exchange: Exchange) -> str | None:
        """The call status; None where the call ended without one, or nothing was heard for as long
        as it could be.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LIFETIME + 5):
                status: str | None = (await exchange.answer).get("callStatus")
                return status
        return None

    def be_called(self) -> None:
        """Have the device call somebody, who declines."""
        uid = f"callee-{uuid.uuid4().hex[:12]}"
        self._callees.add(uid)
        self.broker.publish(
            f"{PREFIX}/{UID}/command/call",
            json.dumps({"to": [uid], "lifetime": 5}).encode(),
            expiry=5,
        )

    def give_up(self) -> None:
        """Withdraw what has no answer by now: the broker has lost it, or its call died with the
        device.
        """
        for exchange in tuple(self._open.values()):
            if not exchange.answer.done():
                exchange.answer.set_result({})
                self.hang_up(exchange)

    def hang_up(self, exchange: Exchange) -> None:
        self._open.pop(exchange.conversation, None)
        self.say(exchange, type="close", reason="user_hangup")

    def say(self, exchange: Exchange, **message: Any) -> None:
        head = {"conversation": exchange.conversation, "party": "world"}
        self.broker.publish(
            f"{PREFIX}/{UID}/signal/{exchange.uid}", json.dumps({**head, **message}).encode()
        )

    def _expect(self, conversation: str, uid: str) -> Exchange:
        exchange = Exchange(conversation, uid, asyncio.get_running_loop().create_future())
        self._open[conversation] = exchange
        self.books.begun.add(conversation)
        return exchange

    # -- what they hear ----------------------------------------------------------------------------

    async def _run(self, stream: MessageStream) -> None:
        while True:
            incoming = await stream.receive()
            message = json.loads(incoming.payload)
            incoming.ack()
            async with self._changed:
                if incoming.topic.endswith("/status"):
                    self.online = message["state"] == "online"
                elif "/events/" in incoming.topic:
                    self._event(message)
                else:
                    self._signal(incoming.topic.split("/")[-3], message)
                self._changed.notify_all()

    def _event(self, event: dict[str, Any]) -> None:
        conversation = event["conversation"]
        # it may have died before it invited anybody
        if event["remoteUid"] in self._callees:
            self.books.begun.add(conversation)
        if event["event"] == "closed":
            known = self.books.closed[conversation]
            if not known:
                self.books.reasons[event["reason"]] += 1
            known[event["eventId"]] += 1
            self._answered(conversation, {})
        else:
            self.books.owed.add(conversation)

    def _signal(self, uid: str, message: dict[str, Any]) -> None:
        conversation, kind = message["conversation"], message["type"]
        if kind == "invite":
            exchange = self._expect(conversation, uid)
            self.books.owed.add(conversation)
            self.say(exchange, type="response", callStatus="REJECTED", reason="declined")
        elif kind == "response":
            (self.books.refused if message.get("reason") in _NO_CALL else self.books.owed).add(
                conversation
            )
            if message["callStatus"] == "ACCEPTED":
                self.books.accepted.add(conversation)
            self._answered(conversation, message)
        elif kind == "close":
            self._answered(conversation, message)

    def _answered(self, conversation: str, message: dict[str, Any]) -> None:
        exchange = self._open.get(conversation)
        if exchange is not None and not exchange.answer.done():
            exchange.answer.set_result(message)


STRIKES: dict[str, tuple[signal.Signals | None, signal.Signals | None, int]] = {
    "device killed": (signal.SIGKILL, None, 5),
    "broker killed": (None, signal.SIGKILL, 4),
    "device stopped": (signal.SIGTERM, None, 1),
    "broker stopped": (None, signal.SIGTERM, 1),
    "both killed": (signal.SIGKILL, signal.SIGKILL, 1),
}
"""What ends the device, what ends the broker, and how often in comparison."""


async def strike(victims: Victims, kind: str, outage: float) -> float:
    """Kill, and let come back after `outage` seconds. Returns when the last was back (monotonic; a
    device: begins).
    """
    device, broker, _ = STRIKES[kind]
    if broker is not None:
        await victims.end_broker(broker)
    if device is not None:
        await victims.end_device(device)
    await asyncio.sleep(outage)
    if device is not None:
        await victims.start_device()
    if broker is not None:
        await victims.start_broker()
    return time.monotonic()


async def next_accepted(world: World) -> float:
    """Call until a call is accepted, and return when that was (monotonic). What was called before
    is given up then.
    """
    while await world.call(0.0) != "ACCEPTED":  # noqa: ASYNC110 - a call, not a look
        await asyncio.sleep(0.05)
    now = time.monotonic()
    world.give_up()
    return now


def choose(chance: random.Random) -> str:
    return chance.choices(list(STRIKES), [weight for _, _, weight in STRIKES.values()])[0]
