"""Servers with addresses of both families, from a machine that has a way to one of them alone."""

from __future__ import annotations

import socket

import pytest

from agent.core.call.events import IceServer
from agent.webrtc.ice import gather
from agent.webrtc.ice.ice_servers import UsableServer
from tests.turnserver import turn_server
from tests.webrtc.ice.test_gather import HERE, ask, gathering, known

pytestmark = pytest.mark.media  # coturn

# documentation and loopback: nothing is there
DEAD = ["127.9.9.9", "::1"]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    async def addresses(_server: UsableServer) -> list[str]:
        return [*DEAD, HERE]

    monkeypatch.setattr(gather, "_addresses", addresses)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_gather_from_a_turn_server_tries_each_of_its_addresses(transport: str) -> None:
    with turn_server() as turn:
        url = f"turn:turn.example:{turn.port}?transport={transport}"
        async with gathering() as ice:
            found, faults = await ask(ice, known(url))
    assert not faults
    assert [(each.type, each.host) for each in found] == [("relay", HERE)]


@pytest.mark.usefixtures("names")
async def test_gather_from_a_stun_server_tries_each_of_its_addresses() -> None:
    with turn_server() as turn:
        async with gathering() as ice:
            # the answer names a candidate that is known already
            found, faults = await ask(ice, IceServer((f"stun:turn.example:{turn.port}",)))
    assert (found, faults) == ([], [])


async def test_gather_from_a_server_whose_relays_are_ipv6_gets_one() -> None:
    """It refuses what a client asks for by itself: 440."""
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with turn_server(relays="::1") as turn:
        async with gathering() as ice:
            url = f"turn:{turn.address}"
            found, faults = await ask(ice, known(url), relay_only=True)
    assert not faults
    assert [(each.type, each.host, each.related_address) for each in found] == [
        ("relay", "::1", "::")
    ]


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as asking:
        try:
            asking.bind(("::1", 0))
        except OSError:
            return False
        return True
