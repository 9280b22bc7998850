"""Tries what users may do at a broker, by what an administrator sees of it. Blocks; for threads."""

from __future__ import annotations

import queue
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

ADMIN, PASSWORD = "admin", "a password"
PATIENCE = 60.0


class User:
    """A client that is logged in as `name`. What it hears and that it was thrown out are queued."""

    def __init__(self, name: str, port: int) -> None:
        self.heard: queue.Queue[str | None] = queue.Queue()
        self._answers: queue.Queue[str] = queue.Queue()
        client = Client(
            CallbackAPIVersion.VERSION2, f"trial-{name}", protocol=MQTTProtocolVersion.MQTTv311
        )
        client.username_pw_set(name, PASSWORD)
        client.on_connect = lambda *_: self._answers.put("connected")
        client.on_subscribe = lambda *_: self._answers.put("subscribed")
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        self.on_gone: Callable[[], None] = lambda: None
        self._client = client
        self._port = port

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert self._answers.get(timeout=PATIENCE) == "connected"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str) -> None:
        self._client.publish(topic, b"{}", qos=1)

    def subscribe(self, topic: str) -> bool:
        """False where the broker ended the connection over it."""
        self._client.subscribe(topic, qos=1)
        return self._answers.get(timeout=PATIENCE) == "subscribed"

    def hears(self, topic: str, marker: str) -> bool:
        """Whether `topic` comes before `marker`, or at all."""
        while (heard := self.heard.get(timeout=PATIENCE)) not in (topic, marker, None):
            pass
        return heard == topic

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.heard.put(message.topic)

    def _on_disconnect(self, *_: Any) -> None:
        self._answers.put("gone")
        self.heard.put(None)
        self.on_gone()


class Trial:
    """Asks the broker at `port`; every signal under a user's own name has to be allowed."""

    def __init__(self, port: int, prefix: str = "callbox/v1") -> None:
        self._port = port
        self._prefix = prefix

    def may_write(self, name: str, topic: str) -> bool:
        marker = f"{self._prefix}/marker/signal/{name}"
        with User(ADMIN, self._port) as admin, User(name, self._port) as user:
            assert admin.subscribe("#")
            user.on_gone = lambda: admin.heard.put(None)
            user.publish(topic)
            user.publish(marker)
            return admin.hears(topic, marker)

    def may_read(self, name: str, topic_filter: str, topic: str) -> bool:
        marker = f"{self._prefix}/{name}/signal/{ADMIN}"
        with User(ADMIN, self._port) as admin, User(name, self._port) as user:
            assert user.subscribe(f"{self._prefix}/{name}/signal/+")
            if not user.subscribe(topic_filter):
                return False
            admin.publish(topic)
            admin.publish(marker)
            return user.hears(topic, marker)
