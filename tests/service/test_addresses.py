"""Changes of address, from the kernel's own messages and from messages that nobody should send."""

from __future__ import annotations

import asyncio
import socket
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.service import addresses
from agent.service.addresses import AddressChange, AddressWatch, read_change, read_messages
from tests.faults.links import require_namespaces
from tests.parts import require_part
from tests.waiting import PATIENCE

NEW, DELETED = 20, 21
IN_PLACE = 0x80  # IFA_F_PERMANENT


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def body(
    address: str,
    *attributes: bytes,
    flags: int = IN_PLACE,
    scope: int = 0,
    interface: int = 2,
    kind: int = 2,
) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    head = struct.pack("=BBBBI", family, 24, flags & 0xFF, scope, interface)
    return head + b"".join([attribute(kind, socket.inet_pton(family, address)), *attributes])


def message(kind: int, content: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(content), kind, 0, 1, 0) + content


@pytest.mark.parametrize(
    ("content", "change"),
    [
        (body("192.0.2.1"), AddressChange(2, "192.0.2.1", True)),
        (body("2001:db8::1", kind=1), AddressChange(2, "2001:db8::1", True)),
        # with a peer
        (body("192.0.2.1", attribute(1, b"\xc0\x00\x02\x09")), AddressChange(2, "192.0.2.1", True)),
        (body("127.0.0.1", scope=254), AddressChange(2, "127.0.0.1", False)),
        (body("fe80::1", scope=253), AddressChange(2, "fe80::1", False)),
        (body("2001:db8::1", flags=0x40), AddressChange(2, "2001:db8::1", False)),  # tentative
        (
            body("2001:db8::1", attribute(8, struct.pack("=I", 0x301))),
            AddressChange(2, "2001:db8::1", False),
        ),
        (b"", None),
        (b"\x02", None),
        (struct.pack("=BBBBI", 2, 24, 0, 0, 2), None),
        (struct.pack("=BBBBI", 2, 24, 0, 0, 2) + attribute(2, b"\x01\x02"), None),
        (struct.pack("=BBBBI", 99, 24, 0, 0, 2) + attribute(2, b"\x01\x02\x03\x04"), None),
    ],
)
def test_messages(content: bytes, change: AddressChange | None) -> None:
    assert read_change(NEW, content) == change
    assert read_change(DELETED, content) == (change._replace(usable=False) if change else None)
    # a link, not an address
    assert read_change(16, content) is None


def test_several_messages_in_a_datagram() -> None:
    data = message(NEW, body("192.0.2.1")) + message(DELETED, body("192.0.2.2"))
    assert [kind for kind, _ in read_messages(data)] == [NEW, DELETED]
    assert [kind for kind, _ in read_messages(data[:-1])] == [NEW]


@given(st.binary(max_size=200))
def test_nonsense_is_ignored(data: bytes) -> None:
    for kind, content in read_messages(data):
        read_change(kind, content)
    read_change(NEW, data)


class Told:
    """A watch that is fed by hand, and how often it told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *first: str) -> None:
        monkeypatch.setattr(addresses, "SETTLING", 0.0)
        self.count = 0
        self.watch = AddressWatch(self._tell)
        self.add(*first)
        self.watch._complete()

    def _tell(self) -> None:
        self.count += 1

    def add(self, *found: str) -> None:
        for address in found:
            self.watch._note(AddressChange(1, address, True))

    def remove(self, *gone: str) -> None:
        for address in gone:
            self.watch._note(AddressChange(1, address, False))

    async def settled(self) -> int:
        # one timer of no length
        await asyncio.sleep(0.01)
        return self.count


async def test_what_is_there_at_the_start_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch, "192.0.2.1", "192.0.2.2")
    assert await told.settled() == 0
    # told again, as routers do for IPv6
    told.add("192.0.2.1")
    assert await told.settled() == 0


async def test_a_burst_is_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch, "192.0.2.1")
    told.remove("192.0.2.1")
    told.add("192.0.2.2", "192.0.2.3")
    assert await told.settled() == 1
    told.remove("192.0.2.2")
    assert await told.settled() == 2


async def test_without_an_address_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch, "192.0.2.1")
    told.remove("192.0.2.1")
    assert await told.settled() == 0
    told.add("192.0.2.1")
    assert await told.settled() == 0, "a cable that was pulled and plugged"
    told.remove("192.0.2.1")
    assert await told.settled() == 0
    told.add("192.0.2.2")
    assert await told.settled() == 1


async def test_a_system_without_netlink_is_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK")
    async with AddressWatch(lambda: None):
        pass
    assert "not noticed" in caplog.text


WATCH = """
import asyncio, subprocess
from agent.service.addresses import AddressWatch
from tests.waiting import PATIENCE

async def main():
    changed = asyncio.Event()
    run = lambda *words: subprocess.run(["ip", *words], check=True)
    run("link", "set", "lo", "up")
    run("address", "add", "10.78.0.1/24", "dev", "lo", "scope", "global")
    async with AddressWatch(changed.set) as watch:
        async with asyncio.timeout(PATIENCE):
            while watch._told is None:
                await asyncio.sleep(0.01)
            run("address", "add", "10.79.0.1/24", "dev", "lo", "scope", "global")
            run("address", "del", "10.78.0.1/24", "dev", "lo")
            await changed.wait()
            print(sorted(address for _, address in watch._told))

asyncio.run(main())
"""


@pytest.mark.netns
def test_the_kernel_says_so() -> None:
    require_namespaces()
    unshare = require_part("unshare", "util-linux")
    done = subprocess.run(
        [unshare, "--net", sys.executable, "-c", WATCH],
        check=False,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["['10.79.0.1']"]
