"""Which addresses of a machine with many interfaces a call is offered."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys

import pytest

from agent.ports import IceOptions
from agent.webrtc.ice import interfaces
from agent.webrtc.ice.interfaces import (
    MAX_HOST_ADDRESSES,
    HostAddresses,
    LocalAddress,
    addresses_for,
    default_addresses,
    in_order,
    is_running,
)
from tests.faults.links import NEAR, Namespace, network

CHOOSE = """import json
from agent.ports import IceOptions
from agent.webrtc.ice.interfaces import addresses_for
print(json.dumps(addresses_for(IceOptions())))
"""
LOOP = LocalAddress("lo", "127.0.0.1")
CABLE = LocalAddress("eth0", "10.9.0.1")
VPN = LocalAddress("wg0", "10.66.0.2")
BRIDGES = [LocalAddress(f"br-{number}", f"172.{16 + number}.0.1") for number in range(12)]
MANY = [LocalAddress("eth1", f"2001:db8::{number}") for number in range(12)]


def order(*found: LocalAddress, default: str = "", down: str = "") -> list[str]:
    return in_order(found, [default], lambda name: name != down).chosen


def test_interfaces_of_containers_come_last() -> None:
    chosen = order(*BRIDGES, CABLE, VPN)
    assert chosen[:2] == [CABLE.address, VPN.address]
    assert len(chosen) == MAX_HOST_ADDRESSES


def test_interfaces_default_route_comes_first_on_a_bridge_too() -> None:
    assert order(VPN, CABLE, *BRIDGES, default=BRIDGES[5].address)[0] == BRIDGES[5].address


def test_interfaces_many_addresses_of_one_leave_room_for_the_others() -> None:
    for default in ("", MANY[3].address):
        chosen = order(*MANY, CABLE, VPN, default=default)
        assert {CABLE.address, VPN.address} < set(chosen)
    assert chosen[0] == MANY[3].address


def test_interfaces_that_are_down_come_behind_those_that_are_up() -> None:
    assert order(CABLE, VPN, down="eth0") == [VPN.address, CABLE.address]


def test_interfaces_what_is_left_out_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    found = [LOOP, *BRIDGES, CABLE]
    addresses = HostAddresses(lambda: found)
    for _ in range(3):
        assert CABLE.address in addresses.choose()
    assert caplog.text.count("Left out") == 1
    assert "of 13 addresses 10 are offered" in caplog.text


def test_interfaces_patterns_choose() -> None:
    addresses = HostAddresses(lambda: [LOOP, *BRIDGES[:1], CABLE, VPN])
    assert addresses.choose(["eth0", "wg*"]) == [CABLE.address, VPN.address]
    assert addresses.choose(["lo"]) == [LOOP.address]
    assert addresses.choose(["wlan*"]) == []
    assert set(addresses.choose()) == {BRIDGES[0].address, CABLE.address, VPN.address}


def test_interfaces_loopback_serves_where_there_is_no_other() -> None:
    assert HostAddresses(lambda: [LOOP]).choose() == ["127.0.0.1"]
    assert HostAddresses(list).choose() == ["127.0.0.1"]


def test_interfaces_addresses_for_a_call_are_those_that_were_named() -> None:
    named = tuple(f"127.0.0.{number}" for number in range(1, 20))
    assert addresses_for(IceOptions(host_addresses=named)) == list(named[:MAX_HOST_ADDRESSES])


def test_interfaces_of_this_machine_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in default_addresses():
        ipaddress.ip_address(address)
    assert is_running("lo")
    assert is_running("no-such-interface")
    monkeypatch.setattr(interfaces, "host_addresses", HostAddresses())
    assert addresses_for(IceOptions())


@pytest.mark.netns
async def test_interfaces_of_a_machine_with_twelve_bridges_offer_the_link() -> None:
    """Bridges that were made before, as Docker makes them."""
    async with network() as net:
        make_bridges(net.near, 12)
        chosen = json.loads(run(net.near.command(sys.executable, "-c", CHOOSE)))
    assert chosen[0] == NEAR
    assert len(chosen) == MAX_HOST_ADDRESSES


def make_bridges(namespace: Namespace, count: int) -> None:
    for number in range(count):
        name = f"br-{number}"
        run(namespace.command("ip", "link", "add", name, "type", "bridge"))
        run(namespace.command("ip", "address", "add", f"172.{16 + number}.0.1/16", "dev", name))
        run(namespace.command("ip", "link", "set", name, "up"))


def run(command: list[str]) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout
