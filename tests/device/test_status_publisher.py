"""Whether the retained status is true."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agent.device.retained import Retained
from agent.device.status_publisher import CONFIRM_AFTER, WILL_DELAY, StatusPublisher, offline
from agent.signaling.protocol.topics import Topics
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork, Message
from tests.waiting import until

TOPICS = Topics("callbox/v1")
TOPIC = TOPICS.status("door-1")


@asynccontextmanager
async def present(
    network: FakeNetwork, boot_id: str = "boot-1", confirm_after: float = 3600.0
) -> AsyncIterator[tuple[FakeBroker, StatusPublisher]]:
    broker = FakeBroker(network, "door-1", will=offline("door-1", TOPICS, boot_id))
    status = StatusPublisher(
        broker,
        Retained(broker),
        TOPICS,
        "door-1",
        boot_id,
        lambda: 1_800_000_000.0,
        confirm_after=confirm_after,
    )
    async with broker:
        await broker.wait_connected(30)
        yield broker, status


def said(network: FakeNetwork) -> list[Any]:
    return [json.loads(each.payload) for each in network.published if each.topic == TOPIC]


def states(network: FakeNetwork) -> list[tuple[str, str]]:
    return [(each["state"], each["bootId"]) for each in said(network)]


def retained(network: FakeNetwork) -> Any:
    return json.loads(network.retained[TOPIC].payload)


async def test_status_after_a_blip_shorter_than_the_wills_delay() -> None:
    network = FakeNetwork()
    async with present(network) as (broker, _):
        for _ in range(3):
            broker.drop()
            network.advance(WILL_DELAY - 1)
            await broker.wait_connected(30)
    assert states(network) == [("online", "boot-1")] * 4


async def test_status_of_a_lost_device_is_offline_once_the_delay_is_over() -> None:
    network = FakeNetwork()
    async with present(network) as (broker, _):
        broker.drop(comes_back=False)
        network.advance(WILL_DELAY - 1)
        assert retained(network)["state"] == "online"
        network.advance(1)
        assert retained(network) == {"state": "offline", "busy": False, "conversations": 0} | {
            key: retained(network)[key] for key in ("version", "bootId")
        }


async def test_goodbye_is_offline_at_once() -> None:
    network = FakeNetwork()
    async with present(network) as (_, status):
        status.occupied(1, busy=True)
        await status.goodbye()
    assert (retained(network)["state"], retained(network)["busy"]) == ("offline", False)
    network.advance(2 * WILL_DELAY)
    assert states(network) == [("online", "boot-1"), ("online", "boot-1"), ("offline", "boot-1")]


async def test_status_after_a_late_will_is_confirmed() -> None:
    assert CONFIRM_AFTER > WILL_DELAY
    network = FakeNetwork()
    async with present(network, "boot-2", 0.5):
        late = offline("door-1", TOPICS, "boot-1")
        network.publish(Message(late.topic, late.payload, late.qos, late.retain))
        await until(lambda: len(said(network)) == 3)
    assert states(network) == [("online", "boot-2"), ("offline", "boot-1"), ("online", "boot-2")]


async def test_status_after_a_goodbye_is_not_confirmed() -> None:
    network, later = FakeNetwork(), asyncio.Event()
    async with present(network, confirm_after=0.02) as (_, status):
        await status.goodbye()
        last = len(said(network))
        # timers run in the order of their times
        asyncio.get_running_loop().call_later(0.04, later.set)
        await later.wait()
        assert len(said(network)) == last
    assert states(network)[-1] == ("offline", "boot-1")


async def test_status_that_changed_while_away_is_the_last_alone() -> None:
    network = FakeNetwork()
    async with present(network) as (broker, status):
        network.stop()
        status.occupied(1, busy=True)
        status.occupied(0, busy=False)
        status.occupied(2, busy=True)
        await status.goodbye()
        status.clock_set()
        network.start()
        await broker.wait_connected(30)
    assert [each["state"] for each in said(network)] == ["online", "offline"]
