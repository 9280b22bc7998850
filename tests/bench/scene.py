"""A broker, a device in a process of its own, and callers of the plainest kind."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from agent.core.call.events import MediaGrant, PeerConnected, PeerEvent
from agent.ports import IceOptions, LocalStream, RemoteMedia
from agent.signaling.broker import MessageStream
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.protocol.messages import format_time
from agent.webrtc.peer import AiortcPeer
from tests.conftest import Mosquitto
from tests.e2e.device import ACCEPT_ALL, ALL_COMMANDS, PREFIX, UID, Program, Watcher, watching
from tests.waiting import PATIENCE

# a device admits 60, and 10 of one caller
CALLS_A_MINUTE = 55
PATTERN_720P = 'source = "pattern"\nwidth = 1280\nheight = 720\n'


@dataclass(frozen=True, slots=True)
class Scene:
    """What every bench needs. `quick` asks for fewer repetitions; `minutes` is the length of a long
    one, and `messages` how many are sent, if said.
    """

    folder: Path
    mosquitto: Mosquitto
    watcher: Watcher
    quick: bool
    minutes: float | None = None
    messages: float | None = None

    @classmethod
    @asynccontextmanager
    async def set(cls, folder: Path, *, quick: bool, **amounts: float) -> AsyncIterator[Self]:
        mosquitto = Mosquitto(folder)
        mosquitto.start()
        try:
            async with watching(mosquitto) as watcher:
                yield cls(folder, mosquitto, watcher, quick, **amounts)
        finally:
            mosquitto.stop()

    def count(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    @asynccontextmanager
    async def device(
        self,
        video: str = PATTERN_720P,
        *,
        audio: str = "pattern",
        calls: int = 1,
        extra: str = "",
        module: str = "agent",
    ) -> AsyncIterator[Program]:
        """`callbox run`, online, with these lines in its `[video]`, this sound, so many calls at a
        time, and `extra` tables. Its status socket lies in `run` below the folder.
        """
        config = self.folder / "bench.toml"
        runtime = self.folder / "run"
        runtime.mkdir(exist_ok=True)
        config.write_text(
            f'uid = "{UID}"\nmax_conversations = {calls}\nstate_directory = "{self.folder}/state"\n'
            f"{ALL_COMMANDS}[mqtt]\nport = {self.mosquitto.port}\n"
            f'[audio]\ncapture = "{audio}"\nplayback = "none"\n'
            f"[video]\n{video}{ACCEPT_ALL}{extra}"
        )
        mark = len(self.watcher.messages)
        program = await Program.start(
            self.folder / "device.log",
            *("run", "--config", str(config)),
            module=module,
            env={"RUNTIME_DIRECTORY": str(runtime)},
        )
        try:
            await self.watcher.wait(
                f"{UID}/status", lambda body: body["state"] == "online", after=mark
            )
            yield program
        finally:
            await program.end()

    async def closed(self, conversation: str) -> dict[str, Any]:
        """The device's record of a call."""
        record: dict[str, Any] = await self.watcher.wait(
            f"{UID}/events/closed", lambda body: body["conversation"] == conversation
        )
        return record


@dataclass(slots=True)
class Exchange:
    """One invitation. Times are of the monotonic clock."""

    conversation: str
    uid: str
    answered: asyncio.Future[dict[str, Any]]
    invited_at: float = 0.0
    answered_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Viewing:
    """A call whose media flows."""

    conversation: str
    peer: AiortcPeer


@dataclass(slots=True)
class Caller:
    """Speaks the protocol, and no more, for as many uids as one likes."""

    broker: MqttBroker
    _open: dict[str, Exchange] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def connected(cls, mosquitto: Mosquitto) -> AsyncIterator[Self]:
        name = f"caller-{uuid.uuid4()}"
        options = MqttOptions(
            port=mosquitto.port,
            client_id=name,
            session_expiry=0,
            retry_first=0.1,
            retry_longest=0.2,
        )
        broker = MqttBroker(options)
        stream = broker.subscribe(f"{PREFIX}/+/signal/{UID}")
        async with broker:
            await broker.wait_connected(PATIENCE)
            caller = cls(broker)
            task = asyncio.create_task(caller._run(stream))
            try:
                yield caller
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def invite(self, uid: str, sdp: str) -> Exchange:
        """Returns once it was ACCEPTED."""
        exchange = Exchange(str(uuid.uuid4()), uid, asyncio.get_running_loop().create_future())
        self._open[exchange.conversation] = exchange
        exchange.invited_at = time.monotonic()
        self._send(exchange, type="invite", sdp=sdp, sentAt=format_time(time.time()), lifetime=30)
        async with asyncio.timeout(PATIENCE):
            answer = await exchange.answered
        if answer["callStatus"] != "ACCEPTED":
            raise RuntimeError(f"{answer['callStatus']}: {answer.get('reason')}")
        return exchange

    def hang_up(self, exchange: Exchange) -> None:
        self._open.pop(exchange.conversation, None)
        self._send(exchange, type="close", reason="user_hangup")

    def _send(self, exchange: Exchange, **message: Any) -> None:
        head = {"conversation": exchange.conversation, "party": "bench"}
        self.broker.publish(
            f"{PREFIX}/{UID}/signal/{exchange.uid}", json.dumps({**head, **message}).encode()
        )

    async def _run(self, stream: MessageStream) -> None:
        while True:
            incoming = await stream.receive()
            arrived_at = time.monotonic()
            message = json.loads(incoming.payload)
            incoming.ack()
            exchange = self._open.get(message["conversation"])
            if (
                exchange is not None
                and message["type"] == "response"
                and not exchange.answered.done()
            ):
                exchange.answered_at = arrived_at
                exchange.answered.set_result(message)


@asynccontextmanager
async def connected_call(
    caller: Caller, uid: str, remote: RemoteMedia | None = None
) -> AsyncIterator[Viewing]:
    """A call whose media flows to a peer of ours, which hands what arrives to `remote`."""
    connected = asyncio.Event()

    def on_event(event: PeerEvent) -> None:
        if isinstance(event, PeerConnected):
            connected.set()

    peer = AiortcPeer(
        generation=0,
        local=LocalStream(),
        remote=remote,
        grant=MediaGrant(),
        ice=IceOptions(),
        on_event=on_event,
        on_control=lambda text: None,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(peer.close)
        exchange = await caller.invite(uid, await peer.create_offer())
        await peer.apply_answer((await exchange.answered)["sdp"])
        async with asyncio.timeout(PATIENCE):
            await connected.wait()
        yield Viewing(exchange.conversation, peer)
        caller.hang_up(exchange)


class Turnstile:
    """Keeps callers below what a device admits in a minute."""

    def __init__(self, calls_a_minute: float = CALLS_A_MINUTE) -> None:
        self._interval = 60 / calls_a_minute
        self._next = 0.0

    async def wait(self) -> None:
        now = time.monotonic()
        if self._next > now:
            await asyncio.sleep(self._next - now)
        self._next = time.monotonic() + self._interval
