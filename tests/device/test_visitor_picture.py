"""The picture of whoever rings."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from agent.device.doorbell_ports import ComingPicture
from agent.device.visitor_picture import (
    KEPT,
    MAX_RETAINED,
    PATIENCE,
    VisitorPicture,
    room_for_picture,
)
from agent.errors import MediaUnavailable
from agent.media.jpeg import Jpeg
from agent.signaling.protocol import messages as wire
from tests import waiting
from tests.fakes.broker import FakeBroker
from tests.fakes.manual_clock import ManualClock
from tests.fakes.network import FakeNetwork
from tests.waiting import until

TOPIC = "callbox/v1/door-1/snapshot"
LARGE, SMALL = Jpeg(b"large", 640, 360), Jpeg(b"small", 160, 90)
RING = wire.RingEvent(
    event_id="ring-1",
    device="door-1",
    timestamp="2026-11-29T06:00:00Z",
    button="front",
    targets=("alice", "bob"),
)


def test_largest_picture_fits_into_an_invitation() -> None:
    for targets in (["alice"], ["a" * 64] * 20):
        room = room_for_picture(targets)
        data = base64.b64encode(b"x" * room).decode()
        user_data = {"snapshot": {"type": "image/jpeg", "data": data}, "targets": targets}
        assert len(json.dumps(user_data)) <= wire.MAX_USER_DATA
    assert room_for_picture(["alice"]) > 2900


class Shown:
    """A picture that has a JPEG for each limit in `fits`."""

    def __init__(self, *fits: tuple[int, Jpeg]) -> None:
        self._fits = dict(fits)
        self.asked: list[int] = []

    def jpeg(self, max_bytes: int) -> Jpeg:
        self.asked.append(max_bytes)
        if max_bytes not in self._fits:
            raise MediaUnavailable("it does not fit")
        return self._fits[max_bytes]


def shown() -> Shown:
    return Shown((MAX_RETAINED, LARGE), (room_for_picture(RING.targets), SMALL))


async def user_data(coming: ComingPicture) -> Any:
    async with asyncio.timeout(waiting.PATIENCE):
        return await coming.user_data


async def test_picture_goes_with_the_invitation_and_is_then_retained_for_a_day() -> None:
    network, seen, picture = FakeNetwork(), list[tuple[str, bytes]](), shown()

    async def take() -> Shown:
        return picture

    async with FakeBroker(network, "door-1") as broker:
        await broker.wait_connected(30)
        async with VisitorPicture(take, broker, TOPIC) as pictures:
            pictures.on_picture(lambda *each: seen.append(each))
            made = await user_data(pictures.begin(RING))
        assert base64.b64decode(made["snapshot"]["data"]) == b"small"
        assert network.retained[TOPIC].payload == b"large"
        assert KEPT - 60 < network.retained[TOPIC].expires_at <= KEPT
        assert seen == [("ring-1", b"large")]
    assert picture.asked == [room_for_picture(RING.targets), MAX_RETAINED]


async def test_picture_that_fits_into_no_invitation_is_retained_all_the_same() -> None:
    network = FakeNetwork()

    async def take() -> Shown:
        return Shown((MAX_RETAINED, LARGE))

    async with FakeBroker(network, "door-1") as broker:
        await broker.wait_connected(30)
        async with VisitorPicture(take, broker, TOPIC) as pictures:
            assert await user_data(pictures.begin(RING)) == {}
        assert network.retained[TOPIC].payload == b"large"


@pytest.mark.parametrize(("runs", "patience"), [(True, PATIENCE), (False, 0.0)])
async def test_invitation_waits_only_for_a_camera_that_runs(runs: bool, patience: float) -> None:
    async def take() -> Shown:
        return shown()

    async with (
        FakeBroker(FakeNetwork(), "door-1") as broker,
        VisitorPicture(take, broker, TOPIC, runs=lambda: runs) as pictures,
    ):
        assert pictures.begin(RING).patience == patience


async def test_visitor_without_a_picture_rings_all_the_same() -> None:
    async def take() -> Shown:
        raise MediaUnavailable("no camera")

    async with (
        FakeBroker(FakeNetwork(), "door-1") as broker,
        VisitorPicture(take, broker, TOPIC) as pictures,
    ):
        assert await user_data(pictures.begin(RING)) == {}


async def test_latest_picture_is_said_again_for_as_long_as_it_may_be_kept() -> None:
    network, clock = FakeNetwork(), ManualClock()

    async def take() -> Shown:
        return shown()

    async with FakeBroker(network, "door-1") as broker:
        await broker.wait_connected(30)
        async with VisitorPicture(take, broker, TOPIC, clock) as pictures:
            pictures.begin(RING)
            await until(lambda: TOPIC in network.retained)
            clock.now += KEPT - 100
            network.stop()
            network.start()
            await until(lambda: TOPIC in network.retained)
            assert network.retained[TOPIC].expires_at == 100
            clock.now += 200
            network.stop()
            network.start()
            await broker.wait_connected(30)
            assert TOPIC not in network.retained
