"""The two networks that the broker contract is run on, under one face."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from agent.signaling.broker import Broker, Incoming, Will
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from tests.conftest import Mosquitto
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.fakes.reader import reading, stream_of
from tests.waiting import PATIENCE


class Harness(Protocol):
    def client(
        self,
        client_id: str,
        *filters: str,
        will: Will | None = None,
        max_queued: int = 1000,
        comes_back: bool = True,
    ) -> Broker:
        """A client, not entered yet; `comes_back` is whether it connects again after `lose`."""

    def lose(self, client: Broker) -> None:
        """Cut its connection without a goodbye."""

    def stop(self) -> None:
        """The broker dies, and forgets everything."""

    def start(self) -> None: ...

    async def pass_time(self, seconds: float) -> None:
        """Let at least so much of the broker's time pass."""


class FakeHarness:
    def __init__(self) -> None:
        self._network = FakeNetwork()
        self._comes_back: dict[str, bool] = {}

    def client(
        self,
        client_id: str,
        *filters: str,
        will: Will | None = None,
        max_queued: int = 1000,
        comes_back: bool = True,
    ) -> FakeBroker:
        self._comes_back[client_id] = comes_back
        broker = FakeBroker(self._network, client_id, will=will, max_queued=max_queued)
        return reading(broker, *filters) if filters else broker

    def lose(self, client: Broker) -> None:
        assert isinstance(client, FakeBroker)
        client.drop(comes_back=self._comes_back[client.client_id])

    def stop(self) -> None:
        self._network.stop()

    def start(self) -> None:
        self._network.start()

    async def pass_time(self, seconds: float) -> None:
        self._network.advance(seconds)


class MosquittoHarness:
    def __init__(self, mosquitto: Mosquitto) -> None:
        self._mosquitto = mosquitto

    def client(
        self,
        client_id: str,
        *filters: str,
        will: Will | None = None,
        max_queued: int = 1000,
        comes_back: bool = True,
    ) -> MqttBroker:
        options = MqttOptions(
            port=self._mosquitto.port,
            client_id=client_id,
            retry_first=0.05 if comes_back else 300,
            retry_longest=0.2 if comes_back else 300,
            max_queued=max_queued,
        )
        broker = MqttBroker(options, will=will)
        return reading(broker, *filters) if filters else broker

    def lose(self, client: Broker) -> None:
        assert isinstance(client, MqttBroker)
        client._link.abort()

    def stop(self) -> None:
        self._mosquitto.kill()

    def start(self) -> None:
        self._mosquitto.start()

    async def pass_time(self, seconds: float) -> None:
        # mosquitto counts whole seconds
        await asyncio.sleep(seconds + 1)


@asynccontextmanager
async def connected(client: Broker) -> AsyncIterator[Broker]:
    """`client`, entered and connected."""
    async with client:
        await client.wait_connected(PATIENCE)
        yield client


@asynccontextmanager
async def until(client: Broker, state: bool) -> AsyncIterator[None]:
    """On leaving, wait for the change of `client` to `state` that what is done inside brings
    about.
    """
    changed = asyncio.Event()
    remove = client.on_connection(lambda now: changed.set() if now is state else None)
    yield
    async with asyncio.timeout(PATIENCE):
        await changed.wait()
    remove()


async def read(client: Broker) -> Incoming:
    """The next message, acknowledged."""
    message = await peek(client)
    message.ack()
    return message


async def peek(client: Broker) -> Incoming:
    """The next message, not acknowledged."""
    async with asyncio.timeout(PATIENCE):
        return await stream_of(client).receive()
