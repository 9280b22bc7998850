"""A broker in memory with the semantics of MQTT 5. `FakeBroker` is the port to it."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from typing import Protocol

from paho.mqtt.client import topic_matches_sub

from agent.core.call.delivery import Delivery
from agent.signaling.broker import Will
from agent.signaling.protocol.topics import wants_retained


class NetworkClient(Protocol):
    """What the network knows of whoever is connected to it."""

    client_id: str
    will: Will | None

    def lost(self) -> None:
        """The connection is gone."""

    def come_back(self) -> None:
        """The network is there again."""

    def arrive(self, message: Message, key: int) -> None:
        """A message was delivered; `key` acknowledges it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the network carries it. `expires_at` is on the network's clock."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expires_at: float = math.inf
    response_topic: str | None = None
    correlation_data: bytes | None = None


@dataclass(slots=True)
class _Session:
    """What the broker remembers of a client: its subscriptions, and the QoS 1 messages that it has
    not acknowledged.
    """

    subscriptions: dict[str, int] = field(default_factory=dict)
    unacked: dict[int, Message] = field(default_factory=dict)
    client: NetworkClient | None = None
    will_due: tuple[float, Will] | None = None


class FakeNetwork:
    """The broker itself. Its clock stands still until `advance`."""

    def __init__(self) -> None:
        self.up = True
        self.now = 0.0
        self.published: list[Message] = []
        self.retained: dict[str, Message] = {}
        self._sessions: dict[str, _Session] = {}
        self._clients: list[NetworkClient] = []
        self._ids = itertools.count(1)

    def stop(self, *, forget: bool = True) -> None:
        """Everyone is cut off; without `forget` the sessions and retained messages outlast it."""
        self.up = False
        for client in self._clients:
            client.lost()
        if forget:
            self._sessions.clear()
            self.retained.clear()

    def start(self) -> None:
        """Everyone comes back."""
        self.up = True
        for client in self._clients:
            client.come_back()

    def advance(self, seconds: float) -> None:
        """Let time pass: wills fall due, messages expire."""
        self.now += seconds
        for session in self._sessions.values():
            if session.will_due is not None and session.will_due[0] <= self.now:
                will, session.will_due = session.will_due[1], None
                self.publish(Message(will.topic, will.payload, will.qos, will.retain))

    def publish(self, message: Message) -> Delivery:
        """Take a message in, and pass it on to whoever subscribed, now or in a session."""
        delivery = Delivery.UNHEARD if message.qos else Delivery.TAKEN
        self.published.append(message)
        if message.retain:
            self.retained.pop(message.topic, None)
            if message.payload:
                self.retained[message.topic] = message
        for session in self._sessions.values():
            granted = [
                qos
                for name, qos in session.subscriptions.items()
                if topic_matches_sub(name, message.topic)
            ]
            if granted:
                delivery = Delivery.TAKEN
                self._deliver(session, replace(message, qos=min(message.qos, max(granted))))

        return delivery

    def subscriptions_of(self, client_id: str) -> dict[str, int]:
        """Topic filter to QoS."""
        return dict(self._sessions[client_id].subscriptions)

    def attach(self, client: NetworkClient) -> None:
        self._clients.append(client)

    def detach(self, client: NetworkClient) -> None:
        self._clients.remove(client)

    def connect(self, client: NetworkClient) -> None:
        session = self._sessions.setdefault(client.client_id, _Session())
        if session.client is not None and session.client is not client:
            session.client.lost()
        session.client, session.will_due = client, None
        for key, message in tuple(session.unacked.items()):
            self._hand_out(session, key, message)

    def subscribe(self, client: NetworkClient, topic_filter: str, qos: int) -> None:
        session = self._sessions[client.client_id]
        session.subscriptions[topic_filter] = qos
        for message in tuple(self.retained.values()):
            if wants_retained(topic_filter) and topic_matches_sub(topic_filter, message.topic):
                self._deliver(session, replace(message, qos=min(qos, message.qos)))

    def unsubscribe(self, client: NetworkClient, topic_filter: str) -> None:
        self._sessions[client.client_id].subscriptions.pop(topic_filter, None)

    def disconnect(self, client: NetworkClient, *, cleanly: bool) -> None:
        session = self._sessions.get(client.client_id)
        if session is None or session.client is not client:
            return
        session.client = None
        if client.will is not None and not cleanly:
            session.will_due = (self.now + client.will.delay, client.will)
            self.advance(0)

    def ack(self, client: NetworkClient, key: int) -> None:
        session = self._sessions.get(client.client_id)
        if session is not None:
            session.unacked.pop(key, None)

    def _deliver(self, session: _Session, message: Message) -> None:
        key = next(self._ids)
        if message.qos:
            session.unacked[key] = message
        self._hand_out(session, key, message)

    def _hand_out(self, session: _Session, key: int, message: Message) -> None:
        if session.client is None:
            return
        if message.expires_at <= self.now:
            session.unacked.pop(key, None)
            return
        session.client.arrive(message, key)
