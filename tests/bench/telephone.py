"""Speaks the protocol to one device, for any number of uids at once, and hears its records."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from agent.signaling.broker import MessageStream
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.protocol.messages import format_time
from tests.conftest import Mosquitto
from tests.e2e.device import PREFIX, UID
from tests.waiting import PATIENCE

SUBSCRIPTIONS = [
    f"{PREFIX}/{name}" for name in (f"+/signal/{UID}", f"{UID}/events/closed", f"{UID}/status")
]


@dataclass(eq=False, slots=True)
class Line:
    """One conversation, from this side."""

    telephone: Telephone
    uid: str
    conversation: str = field(default_factory=lambda: str(uuid.uuid4()))
    heard: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    record: asyncio.Future[dict[str, Any]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def say(self, kind: str, **fields: Any) -> None:
        head = {"type": kind, "conversation": self.conversation, "party": "bench"}
        self.telephone.publish(f"{UID}/signal/{self.uid}", {**head, **fields})

    def invite(self, sdp: str) -> None:
        self.say("invite", sdp=sdp, sentAt=format_time(time.time()), lifetime=30)

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next message of this kind; others before it are passed over."""
        async with asyncio.timeout(PATIENCE):
            while (message := await self.heard.get()).get("type") != kind:
                pass
        return message

    async def closed(self, within: float = PATIENCE) -> dict[str, Any]:
        """The device's record of this call."""
        async with asyncio.timeout(within):
            return await self.record

    def forget(self) -> None:
        self.telephone.lines.pop(self.conversation, None)


class Telephone:
    """One connection to the broker."""

    def __init__(self, broker: MqttBroker, reply_topic: str) -> None:
        self.broker = broker
        self._reply_topic = reply_topic
        self.lines: dict[str, Line] = {}
        self._online = asyncio.Event()
        self._results: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._expected: dict[str, asyncio.Future[tuple[Line, dict[str, Any]]]] = {}

    @classmethod
    @asynccontextmanager
    async def connected(cls, mosquitto: Mosquitto) -> AsyncIterator[Self]:
        options = MqttOptions(
            port=mosquitto.port, client_id=f"telephone-{uuid.uuid4()}", session_expiry=0
        )
        reply_topic = f"{PREFIX}/{UID}/reply/{options.client_id}"
        broker = MqttBroker(options)
        stream = broker.subscribe(*SUBSCRIPTIONS, reply_topic)
        async with broker:
            await broker.wait_connected(PATIENCE)
            telephone = cls(broker, reply_topic)
            task = asyncio.create_task(telephone._run(stream))
            try:
                yield telephone
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def online(self) -> None:
        """The device can be called."""
        async with asyncio.timeout(PATIENCE):
            await self._online.wait()

    def publish(self, name: str, body: dict[str, Any]) -> None:
        self.broker.publish(f"{PREFIX}/{name}", json.dumps(body).encode())

    def command(self, verb: str, **body: Any) -> None:
        self.publish(f"{UID}/command/{verb}", body)

    async def asked(self, verb: str, **body: Any) -> dict[str, Any]:
        """The result of a command."""
        number = str(uuid.uuid4())
        result: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._results[number] = result
        payload = json.dumps({**body, "id": number}).encode()
        self.broker.publish(
            f"{PREFIX}/{UID}/command/{verb}", payload, response_topic=self._reply_topic
        )
        async with asyncio.timeout(PATIENCE):
            return await result

    def line(self, uid: str) -> Line:
        """A line of `uid`, on which nothing was said."""
        line = Line(self, uid)
        self.lines[line.conversation] = line
        return line

    async def called(self, uid: str) -> tuple[Line, dict[str, Any]]:
        """Let the device call `uid`: the line, and its invitation."""
        self._expected[uid] = asyncio.get_running_loop().create_future()
        self.command("call", to=[uid])
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._expected[uid]
        finally:
            del self._expected[uid]

    async def _run(self, stream: MessageStream) -> None:
        while True:
            incoming = await stream.receive()
            incoming.ack()
            # of somebody who speaks in the device's name: the broker lets anyone
            with contextlib.suppress(ValueError):
                self._take(
                    incoming.topic.removeprefix(f"{PREFIX}/").split("/"),
                    json.loads(incoming.payload),
                )

    def _take(self, levels: list[str], message: Any) -> None:
        if not isinstance(message, dict):
            return
        if levels[1] == "reply":
            result = self._results.pop(message["id"], None)
            if result is not None and not result.done():
                result.set_result(message)
            return
        if levels[1] == "status":
            if message.get("state") == "online":
                self._online.set()
            return
        line = self.lines.get(str(message.get("conversation")))
        if levels[1] == "events":
            if line is not None and not line.record.done():
                line.record.set_result(message)
        elif line is not None:
            line.heard.put_nowait(message)
        elif message.get("type") == "invite" and levels[0] in self._expected:
            line = Line(self, levels[0], message["conversation"])
            self.lines[line.conversation] = line
            self._expected[levels[0]].set_result((line, message))
