"""Names that are looked up: a resolver that hangs holds nobody else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from agent.webrtc.ice.resolver import Lookups


class HangingResolver:
    """Answers names that begin with `good`, hangs on every other until it is released."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        if not host.startswith("good"):
            self.released.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return [
            (0, 0, 0, "", (address, 0)) for address in ("2001:db8::1", "192.0.2.1", "192.0.2.1")
        ]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingResolver]:
    resolver = HangingResolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver.getaddrinfo)
    yield resolver
    resolver.released.set()
    for thread in threading.enumerate():
        if thread.name.startswith("lookup"):
            thread.join(10)


@pytest.mark.parametrize(
    ("host", "address"), [("192.0.2.7", "192.0.2.7"), ("2001:DB8::7", "2001:db8::7")]
)
async def test_resolver_address_is_its_own(
    host: str, address: str, resolver: HangingResolver
) -> None:
    assert await Lookups().resolve(host) == [address]
    assert not resolver.asked


async def test_resolver_addresses_of_a_name(resolver: HangingResolver) -> None:
    assert await Lookups().resolve("good.example") == ["192.0.2.1", "2001:db8::1"]


async def test_resolver_name_that_hangs_takes_one_thread_and_holds_no_other(
    resolver: HangingResolver,
) -> None:
    lookups = Lookups(limit=2)
    waiting = [asyncio.create_task(lookups.resolve("hangs.example")) for _ in range(50)]
    assert await lookups.resolve("good.example")
    for task in waiting[1:]:
        task.cancel()
    await asyncio.gather(*waiting[1:], return_exceptions=True)
    assert resolver.asked.count("hangs.example") == 1
    resolver.released.set()
    with pytest.raises(OSError, match="no answer"):
        await waiting[0]


async def test_resolver_threads_do_not_pile_up(resolver: HangingResolver) -> None:
    lookups = Lookups(limit=2)
    hanging = [
        asyncio.create_task(lookups.resolve(f"hangs-{number}.example")) for number in range(2)
    ]
    await asyncio.sleep(0)
    with pytest.raises(OSError, match="2 other names are being looked up"):
        await lookups.resolve("good.example")
    assert all(
        thread.daemon for thread in threading.enumerate() if thread.name.startswith("lookup")
    )
    resolver.released.set()
    await asyncio.gather(*hanging, return_exceptions=True)
    assert await lookups.resolve("good.example")


async def test_resolver_what_is_no_name_is_told(
    resolver: HangingResolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unusable(*_: Any, **__: Any) -> list[Any]:
        raise UnicodeError("label too long")

    monkeypatch.setattr(socket, "getaddrinfo", unusable)
    with pytest.raises(OSError, match="is no name of a host"):
        await Lookups().resolve("x" * 70 + ".example")
