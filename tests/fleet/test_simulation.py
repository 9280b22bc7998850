"""The simulated fleet itself, and a small one across kills: real broker, real collector."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.fleet.simulation.fleet_world import FleetProcess, FleetWorld
from tests.fleet.simulation.mqtt5 import (
    PINGRESP,
    PUBACK,
    PacketReader,
    acknowledged,
    puback_packet,
    publish_packet,
)

DEVICES = 300


def test_packet_reader_joins_what_arrives_in_pieces() -> None:
    reader = PacketReader()
    stream = puback_packet(7) + b"\xd0\x00" + publish_packet("a/b", b"x" * 200, 9)
    found = [packet for each in stream for packet in reader.feed(bytes([each]))]
    assert [kind for kind, _ in found] == [PUBACK, PINGRESP, 3]
    assert acknowledged(found[0][1]) == 7
    assert found[2][1].endswith(b"x" * 200)


@pytest.mark.broker
@pytest.mark.timeout(600)
async def test_fleet_across_kills_stores_each_record_once(tmp_path: Path) -> None:
    world = FleetWorld(tmp_path, url=None)
    async with (
        world,
        FleetProcess.of(world.mosquitto.port, DEVICES, retry_longest=2.0, seed=16) as fleet,
    ):
        fleet.order("connect", 1)
        await fleet.until(lambda counts: counts["connected"] == DEVICES)
        fleet.order("crashes", 5)
        fleet.order("rate", 300)
        for strike in ("collector", "broker", "collector"):
            await fleet.until_acknowledged(200)
            if strike == "collector":
                await world.collector.end(signal.SIGKILL)
                await world.collector.start()
            else:
                world.mosquitto.stop()
                world.mosquitto.start()
        fleet.order("burst", DEVICES, 0.5)
        await fleet.settle(DEVICES)
        said = await fleet.books(tmp_path / "books.json")
        assert await world.until_stored("call", len(said["closed"]))
        judged = await world.judge(said)
    assert judged.acknowledged >= DEVICES
    assert (judged.missing, judged.invented, judged.counted_twice) == ({}, set(), 0)
    assert judged.events_missing == 0
