"""A broker forbids one topic, in each of the ways that brokers have: by a reason code, by ending
the connection, or by saying nothing. The device is on line all the same, answers whoever calls as
far as that topic allows, and its log, `callbox status` and `callbox doctor` name the topic. Pauses
and patience are cut short.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from agent.core.policy.rules import Policy
from agent.daemon import PARTS
from agent.device.parts import compose, running
from agent.doctor.daemon_check import report_daemon
from agent.service.status_client import ask
from agent.service.status_socket import socket_path
from agent.settings import Settings
from tests.faults.scripted_broker import (
    PINGREQ,
    PUBLISH,
    SUBSCRIBE,
    UNSUBSCRIBE,
    Connection,
    Packet,
    ScriptedBroker,
)
from tests.waiting import until
from tests.webrtc.offers import BROWSER_OFFER

# seconds, on a busy machine
PATIENCE = 60.0
NOT_AUTHORIZED = 0x87
OWN = "callbox/v1/door-1"
# what a device that was called once publishes, and what it subscribes to
PUBLISHED = (
    "status",
    "about",
    "call",
    "settings",
    "events/called",
    "events/response",
    "events/closed",
)
SUBSCRIBED = ("signal/+", "command/+", "status#")
CASES = [
    *((topic, how) for topic in PUBLISHED for how in ("reason", "cut", "disconnect", "silence")),
    *((name, how) for name in SUBSCRIBED for how in ("reason", "cut", "silence")),
    ("health", "cut"),
    ("alice/signal/door-1", "reason"),
    ("alice/signal/door-1", "cut"),
    ("alice/signal/door-1", "silence"),
]
# one of each way runs in `make test`
FIRST = {
    ("events/closed", "disconnect"),
    ("about", "silence"),
    ("status", "reason"),
    ("command/+", "cut"),
    ("signal/+", "reason"),
}


# a device and a broker over TCP, which wait for each other
pytestmark = pytest.mark.lengthy


@dataclass
class Forbidding:
    """A broker that forbids one topic, or filter; `responses` are the device's to alice. It gives
    the device its own status back, as brokers do.
    """

    topic: str
    how: str
    responses: list[Any] = field(default_factory=list)
    connection: Connection | None = None

    async def script(self, connection: Connection) -> None:
        await connection.accept(session_present=False)
        while True:
            packet = await connection.read_any()
            goes_on = True
            if packet.kind == PINGREQ:
                connection.pingresp()
            elif packet.kind == UNSUBSCRIBE:
                connection.unsuback(packet)
            elif packet.kind == SUBSCRIBE:
                goes_on = self._subscribe(connection, packet)
            elif packet.kind == PUBLISH:
                goes_on = self._publish(connection, packet)
            if not goes_on:
                return

    def _subscribe(self, connection: Connection, packet: Packet) -> bool:
        """False where the connection ends for it."""
        wanted = f"{OWN}/{self.topic.rstrip('#')}"
        named = [name == wanted and self.topic in SUBSCRIBED for name, _ in packet.filters]
        if any(named) and self.how != "reason":
            return self.how == "silence"
        answers = [
            NOT_AUTHORIZED if each else qos
            for each, (_, qos) in zip(named, packet.filters, strict=True)
        ]
        connection.suback(packet, *answers)
        self.connection = connection
        return True

    def _publish(self, connection: Connection, packet: Packet) -> bool:
        if packet.topic.endswith(f"/{self.topic}"):
            if self.how == "disconnect":
                connection.disconnect(NOT_AUTHORIZED)
            elif self.how == "reason" and packet.qos:
                connection.puback(packet, NOT_AUTHORIZED)
            return self.how in ("reason", "silence")
        if packet.qos:
            connection.puback(packet)
        if packet.topic == f"{OWN}/status" and self.topic != "status#":
            connection.publish(packet.topic, packet.payload)
        if packet.topic.endswith("/alice/signal/door-1"):
            self.responses.append(json.loads(packet.payload))
        return True

    def invite(self) -> str:
        """Alice calls; the conversation."""
        assert self.connection is not None
        conversation = str(uuid.uuid4())
        sent = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        body: dict[str, object] = {"type": "invite", "conversation": conversation, "party": "p"}
        body |= {"sdp": BROWSER_OFFER, "sentAt": sent, "lifetime": 30}
        self.connection.publish(f"{OWN}/signal/alice", json.dumps(body).encode())
        return conversation

    def answered(self, conversation: str) -> bool:
        return any(
            each["type"] == "response" and each["conversation"] == conversation
            for each in self.responses
        )


@pytest.fixture(autouse=True)
def quick(how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    mqtt = "agent.signaling.mqtt"
    monkeypatch.setattr(f"{mqtt}.pauses.Backoff.next", lambda *_a, **_k: 0.02)
    if how != "silence":
        # an answer comes, and a busy machine is no broker that keeps silent
        return
    monkeypatch.setattr(f"{mqtt}.link._READY_TIMEOUT", 4.0)
    monkeypatch.setattr(f"{mqtt}.subscriptions.PATIENCE", 0.5)
    monkeypatch.setattr(f"{mqtt}.publisher.UNANSWERED_AFTER", 1.5)
    monkeypatch.setattr(f"{mqtt}.publisher.OVERTAKEN_AFTER", 0.5)


@asynccontextmanager
async def device(port: int, folder: Path) -> AsyncIterator[None]:
    settings = Settings.model_validate(
        {
            "uid": "door-1",
            "state_directory": folder / "state",
            "mqtt": {"port": port},
            "video": {"source": "pattern"},
            "audio": {"capture": "none", "playback": "none"},
        }
    )
    (folder / "state").mkdir()
    policy = Policy(timezone=UTC)
    async with running(PARTS, compose(settings, policy, lambda: (settings, policy))):
        yield


async def told() -> dict[str, Any]:
    """As `callbox status --json` has it."""
    return await asyncio.to_thread(ask, socket_path("door-1"))


def can_answer(topic: str) -> bool:
    """Whether alice may be heard, and answered."""
    return not topic.startswith(("alice", "signal"))


def doctor_names(status: dict[str, Any], topic: str) -> bool:
    return any(topic in f"{each.area} {each.text}" for each in report_daemon(status))


@pytest.mark.parametrize(
    ("topic", "how"),
    [
        pytest.param(*case, marks=() if case in FIRST else pytest.mark.further_case)
        for case in CASES
    ],
)
async def test_broker_contract_one_topic_is_forbidden(
    topic: str, how: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Forbidding(topic, how)
    name = f"/{topic.rstrip('#')}"
    status: dict[str, Any] = {}
    async with ScriptedBroker([broker.script]) as server, device(server.port, tmp_path):
        async with asyncio.timeout(PATIENCE):
            asked = -1
            while True:
                status = await told()
                if status["broker_connected"] and asked != server.count:
                    asked = server.count
                    broker.invite()
                is_told = doctor_names(status, name) or topic.startswith("alice")
                if is_told and name in caplog.text and status["broker_connected"]:
                    break
                await asyncio.sleep(0.05)
        # and from then on nothing cuts it off
        connections = server.count
        last = broker.invite()
        if can_answer(topic):
            await until(lambda: broker.answered(last))
        else:
            await asyncio.sleep(0.5)
        status = await told()
        assert status["broker_connected"]
        assert server.count == connections
    if not topic.startswith("alice"):
        assert any(name in part for part in status["faults"]), status["faults"]
        assert name in status["status"]
