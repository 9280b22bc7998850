"""The retained topic `call`."""

from __future__ import annotations

from pathlib import Path

from agent.device.line_publisher import LinePublisher
from agent.device.retained import Retained
from tests.devices import UID, Device, device
from tests.fakes.network import FakeNetwork
from tests.parties import NOW, PREFIX, called, party
from tests.waiting import until

RING = {"name": "ask", "action": "ring", "callers": ["alice"]}


def published(door: Device) -> None:
    """Have it published; made as the device makes it, but after the connect."""
    LinePublisher(door.client, Retained(door.broker), f"{PREFIX}/{UID}/call", lambda: NOW)


def states(door: Device) -> list[str]:
    return [body["state"] for body in door.on("call")]


async def test_line_of_a_call_that_is_placed(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path) as door, party(network, "alice") as alice:
        published(door)
        call = door.client.call("alice")
        await (await called(alice)).accept()
        await until(lambda: states(door)[-1] == "connecting")
        door.peers.last.connect()
        alice.peers.last.connect()
        await until(lambda: states(door)[-1] == "in_call")
        await call.close()
        await until(lambda: states(door)[-1] == "idle")
    assert states(door) == ["idle", "calling", "connecting", "in_call", "idle"]
    body = door.on("call")[1]
    assert (body["conversation"], body["remoteUid"]) == (call.id, "alice")
    assert (body["direction"], body["since"][:4]) == ("outgoing", "2027")


async def test_line_of_a_call_that_rings_here(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path, RING) as door, party(network, "alice") as alice:
        published(door)
        call = alice.client.call(UID)
        await until(lambda: states(door)[-1] == "ringing")
        await call.close()
        await until(lambda: states(door)[-1] == "idle")
