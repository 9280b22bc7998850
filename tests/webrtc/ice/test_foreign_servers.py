"""ICE servers that a remote peer names."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from agent.core.call.events import IceServer
from agent.counts import RefusalKind, refusals
from agent.webrtc.ice.foreign_servers import is_global, is_sensible_port, resolve_foreign
from agent.webrtc.ice.ice_servers import usable_servers


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111"])
def test_address_on_the_internet_is_global(address: str) -> None:
    assert is_global(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:192.168.1.1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_address_of_a_house_is_not_global(address: str) -> None:
    assert not is_global(address)


@pytest.mark.parametrize(("port", "right"), [(80, True), (443, True), (3478, True), (5349, True)])
def test_port_of_a_relay_is_sensible(port: int, right: bool) -> None:
    assert is_sensible_port(port) is right
    assert not any(map(is_sensible_port, (1, 22, 25, 53, 445, 631, 1023)))


async def test_name_that_points_into_the_house_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, 0, 0, "", ("192.168.1.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    before = refusals.totals()[RefusalKind.ICE_SERVER]
    with pytest.raises(OSError, match="no global address"):
        await resolve_foreign("router.example.org")
    assert refusals.totals()[RefusalKind.ICE_SERVER] == before + 1


async def test_name_with_one_global_address_gives_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", ("10.0.0.1", 0)), (0, 0, 0, "", ("1.1.1.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert await resolve_foreign("turn.example.org") == ["1.1.1.1"]


@pytest.mark.parametrize("is_foreign", [False, True])
def test_server_at_the_port_of_another_service_is_for_our_own_settings_alone(
    is_foreign: bool,
) -> None:
    server = IceServer(("turn:192.0.2.1:22?transport=tcp",), "u", "p", is_foreign=is_foreign)
    assert len(usable_servers([server], 0.0)) == (0 if is_foreign else 1)
    (usable,) = usable_servers([IceServer(("stun:192.0.2.1",), is_foreign=is_foreign)], 0.0)
    assert usable.is_foreign is is_foreign
