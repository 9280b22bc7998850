"""A client that is pulled from: its signaling is real, its transports and its broker are not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agent.client.call_client import CallClient
from agent.client.call_context import ClientOptions
from agent.client.conversation import Conversation
from agent.core.call.decision import Action, Decision
from agent.core.call.machine import State
from agent.core.call.values import IceServer, Invitation
from agent.counts import RefusalCounts
from agent.device.pulling import PullScreening
from agent.pull.http_messages import HttpAnswer, HttpRequest
from agent.pull.joined_signaling import JoinedSignaling
from agent.pull.main_loop import MainLoop
from agent.pull.pull_channel import PullChannel
from agent.pull.pull_desk import PullDesk
from tests.fakes.peer import FakePeer, FakePeers
from tests.fakes.screening import FakeScreening
from tests.fakes.signaling import FakeSignaling
from tests.parties import FAST
from tests.waiting import until

UID = "door-1"
TOKEN = "frigate's own token"
OTHER = "another one's token"
TOKENS = {"frigate": TOKEN, "wall": OTHER}
ORIGIN = "https://nvr.home"
OFFER = "v=0\r\na=ice-ufrag:theirs\r\n"
GATHERED = "\r\na=end-of-candidates"
ACCEPT = Decision(Action.ACCEPT, "nvr")
SERVERS = (IceServer(("stun:stun.home:3478",)), IceServer(("turn:turn.home",), "me", 'se"cret'))


@dataclass
class Scene:
    client: CallClient
    channel: PullChannel
    peers: FakePeers
    main: FakeSignaling
    screening: FakeScreening
    main_loop: MainLoop
    counts: RefusalCounts
    desk: PullDesk

    async def ask(
        self,
        method: str,
        path: str,
        body: str | bytes = b"",
        token: str | None = TOKEN,
        **headers: str,
    ) -> HttpAnswer:
        """What the desk answers; `headers` with `_` for `-`."""
        given = [(name.replace("_", "-"), value) for name, value in headers.items()]
        if token is not None:
            given.append(("Authorization", f"Bearer {token}"))
        data = body.encode() if isinstance(body, str) else body
        return await self.desk.answer(HttpRequest.of(method, path, tuple(given), "192.0.2.7", data))

    async def open(self, token: str = TOKEN) -> tuple[HttpAnswer, Conversation]:
        """A session that was accepted, and its conversation."""
        answer = await self.ask("POST", "/whep", OFFER, token, Content_Type="application/sdp")
        assert answer.status == 201, answer.body
        location = dict(answer.headers)["Location"]
        return answer, self.client.conversations[location.rpartition("/")[2]]

    async def connected(self, conversation: Conversation) -> None:
        self.peers.last.connect()
        await until(lambda: conversation.state is State.ESTABLISHED)


def gathered(peer: FakePeer) -> None:
    """Where no ICE server is asked, a description has all there is."""
    peer.sections = GATHERED


@asynccontextmanager
async def pulled(
    decide: Callable[[Invitation], Decision] = lambda _: ACCEPT,
    *,
    most: int = 4,
    options: ClientOptions = FAST,
    servers: tuple[IceServer, ...] = SERVERS,
) -> AsyncIterator[Scene]:
    main, peers, screening = FakeSignaling(UID), FakePeers(), FakeScreening(decide)
    peers.prepare = gathered

    def state_of(conversation: str) -> State | None:
        found = client.conversations.get(conversation)
        return found.state if found else None

    channel = PullChannel(most, state_of)
    client = CallClient(
        JoinedSignaling(main, channel), peers, options, screening=PullScreening(screening)
    )
    counts, main_loop = RefusalCounts(), MainLoop()
    desk = PullDesk(UID, TOKENS, [ORIGIN], channel, main_loop, lambda: servers, counts)
    async with client:
        yield Scene(client, channel, peers, main, screening, main_loop, counts, desk)
