"""A client among strangers: whatever they send, in whatever order, and whatever its transports
do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from agent.client.call_client import CallClient
from agent.client.call_context import ClientOptions
from agent.client.conversation import Conversation
from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.reasons import CallMode, CloseReason
from agent.errors import InvalidStateError, UnusableDescription
from agent.ports import LocalStream
from agent.signaling.channel import SignalingChannel
from agent.signaling.protocol.messages import format_time
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork, Message
from tests.fakes.peer import FakePeer, FakePeers
from tests.faults.fuzz import mutations
from tests.faults.fuzz.odd_values import CONVERSATION

PREFIX = "callbox/v1"
DEVICE = "door-1"
SENDERS = ("front-desk", "b", "mallory")
CONVERSATIONS = (
    CONVERSATION,
    "11111111-2222-4333-8444-555555555555",
    "00000000-0000-0000-0000-000000000001",
)
WALL = 1_800_000_000.0
TIMES = (
    format_time(WALL),
    format_time(WALL + 1e6),
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
)
# seconds that a call may last
LONGEST = 60.0
# seconds after which every deadline has passed
PATIENCE = 400.0


class Faults(logging.Handler):
    """What the code says went wrong with itself."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(logging.Formatter().format(record))


class Scenario:
    """One client, and a source of chances."""

    def __init__(
        self,
        random: Random,
        client: CallClient,
        peers: FakePeers,
        broker: FakeBroker,
        network: FakeNetwork,
    ) -> None:
        self.random = random
        self.client, self.peers = client, peers
        self.broker, self.network = broker, network
        self.closed: Counter[str] = Counter()
        self.begun: dict[str, Conversation] = {}
        client.subscribe(self._event)
        client.on("called", self._called)
        peers.prepare = self._prepare

    async def run(self, steps: int) -> None:
        for _ in range(steps):
            self.random.choice(_STEPS)(self)
            if self.random.random() < 0.7:
                await asyncio.sleep(self.random.choice((0, 0, 0, 0.5, 3, 20)))

    async def settle(self) -> None:
        """Every deadline passes."""
        await asyncio.sleep(PATIENCE)

    def _event(self, conversation: Conversation, name: str, _event: Any) -> None:
        self.begun[conversation.id] = conversation
        self.closed[conversation.id] += name == "closed"

    async def _called(self, conversation: Conversation) -> None:
        grant = ev.MediaGrant(max_duration=LONGEST)
        action = self.random.choice(("accept", "accept", "ring", "reject", "leave"))
        with contextlib.suppress(InvalidStateError):  # it ended before
            if action == "accept":
                await conversation.accept(LocalStream(), grant=grant)
            elif action == "ring":
                await conversation.ring()
            elif action == "reject":
                await conversation.reject(self.random.choice(("declined", "x" * 64)))

    def _prepare(self, peer: FakePeer) -> None:
        chance = self.random.random()
        if chance < 0.1:
            peer.failure = UnusableDescription("fuzz")
        elif chance < 0.2:
            peer.hold.clear()

    # --- steps

    def _say(self) -> None:
        """A message, whole or not, in a conversation that may exist."""
        known = [*CONVERSATIONS, *(each.signaled_as for each in self.client.conversations.values())]
        head = {"conversation": self.random.choice(known), "party": self.random.choice(("p", "q"))}
        body = {**self.random.choice(mutations.MESSAGES), **head}
        if "sentAt" in body:
            body["sentAt"] = format_time(WALL + self.random.choice((0, 0, 0, -50, 1e6)))
        if "now" in body:
            body["now"] = self.random.choice(TIMES)
        whole = self.random.random() < 0.7
        payload = json.dumps(body).encode() if whole else mutations.payload(self.random, body)
        self._publish(f"{PREFIX}/{DEVICE}/signal/{self.random.choice(SENDERS)}", payload)

    def _shout(self) -> None:
        """Anything on any topic."""
        topic = mutations.topic(self.random)
        if topic and not set(topic) & {"+", "#", "\0"}:
            self._publish(topic, mutations.message(self.random))

    def _publish(self, topic: str, payload: bytes) -> None:
        random = self.random
        self.network.publish(
            Message(topic, payload, random.choice((0, 1)), retain=random.random() < 0.05)
        )

    def _transport(self) -> None:
        """Something happens to a transport, also to one that is closed."""
        if not self.peers.made:
            return
        peer = self.random.choice(self.peers.made)
        generation = self.random.choice((peer.generation, peer.generation, 0, 7))
        events: tuple[ev.PeerEvent, ...] = (
            ev.IceConnected(generation),
            ev.PeerConnected(generation),
            ev.PeerConnected(generation),
            ev.FirstFrameSeen(generation),
            ev.TrackReceived(generation, "video", "H264"),
            ev.PeerFailed(generation, "ice_failed", "it failed", CloseReason.ICE_FAILED),
            ev.PeerLost(generation, "gone"),
            ev.PeerSilent(generation, 3.0),
            ev.PeerHeard(generation),
            ev.RtcpTimedOut(generation, 30.0),
            ev.CandidateFound(generation, None),
            ev.CandidateFound(generation, ev.IceCandidate(mutations.CANDIDATE, "0", 0)),
        )
        peer.emit(self.random.choice(events))
        peer.hold.set()

    def _whisper(self) -> None:
        """A message on a data channel."""
        if self.peers.made:
            text = mutations.message(self.random).decode("utf-8", "replace")
            self.random.choice(self.peers.made).control(text)

    def _call(self) -> None:
        with contextlib.suppress(InvalidStateError):  # there is one
            self.client.call(
                self.random.sample(SENDERS, self.random.randint(1, 3)),
                LocalStream(),
                lifetime=self.random.choice((1, 30)),
                mode=self.random.choice(list(CallMode)),
                grant=ev.MediaGrant(max_duration=LONGEST),
            )

    def _decide(self) -> None:
        """This side does something with a conversation, also with one that is over."""
        if not self.begun:
            return
        conversation = self.random.choice(list(self.begun.values()))
        match self.random.randrange(4):
            case 0:
                conversation.hang_up(self.random.choice(list(CloseReason)))
            case 1:
                conversation.renew()
            case 2:
                conversation.mute(audio=self.random.choice((True, False, None)), video=True)
            case _:
                conversation.post(ev.AcceptRequested(ev.MediaGrant(max_duration=LONGEST)))

    def _lose_the_broker(self) -> None:
        self.broker.drop()


_STEPS: tuple[Callable[[Scenario], None], ...] = (
    *[Scenario._say] * 10,
    *[Scenario._transport] * 5,
    *[Scenario._decide] * 2,
    *[Scenario._call] * 2,
    Scenario._shout,
    Scenario._whisper,
    Scenario._lose_the_broker,
)


@asynccontextmanager
async def scenario(random: Random) -> AsyncIterator[Scenario]:
    """On a FastLoop. On leaving, the client is closed."""
    loop = asyncio.get_running_loop()
    network, peers = FakeNetwork(), FakePeers()
    broker = FakeBroker(network, DEVICE)
    options = ClientOptions(stats_interval=5, monotonic=loop.time, wall=lambda: WALL + loop.time())
    signaling = SignalingChannel(
        broker,
        uid=DEVICE,
        prefix=PREFIX,
        party="own",
        now=options.wall,
        monotonic=options.monotonic,
    )
    async with broker, CallClient(signaling, peers, options) as client:
        await broker.wait_connected(30)
        yield Scenario(random, client, peers, broker, network)


async def play(random: Random, steps: int = 40) -> None:
    """The invariants of a client: whatever came, it is free again, every call has its one end, and
    nothing failed.
    """
    faults = Faults()
    logger = logging.getLogger("agent")
    logger.addHandler(faults)
    try:
        async with scenario(random) as played:
            await played.run(steps)
            for peer in played.peers.made:
                peer.hold.set()
            await played.settle()
            assert not played.client.busy, played.client.conversations
            assert not played.client.conversations
            assert all(count == 1 for count in played.closed.values()), played.closed
            assert all(each.state is State.CLOSED for each in played.begun.values())
            assert all(peer.closed and not peer.media for peer in played.peers.made)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others, others
    finally:
        logger.removeHandler(faults)
    assert not faults.texts, faults.texts[0]
