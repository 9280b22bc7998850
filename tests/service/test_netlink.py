"""Reading a netlink socket: of the kernel alone, and what is too much is told."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import pytest

from agent.service import netlink
from agent.service.netlink import NetlinkListener, open_netlink
from tests.waiting import PATIENCE

KERNEL, STRANGER = 0, 4711


class Wire(socket.socket):
    """In place of the kernel's: what arrives comes from `port`, or fails with `error`."""

    port = KERNEL
    error: OSError | None = None

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        data, _ = super().recvfrom(size, flags)
        if self.error is not None:
            raise self.error
        return data, (self.port, 1)


class Heard:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ours, self.kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.wire = Wire(fileno=ours.detach())
        self.wire.setblocking(False)
        monkeypatch.setattr(netlink, "open_netlink", lambda _protocol, _groups: self.wire)
        self.data: asyncio.Queue[bytes] = asyncio.Queue()
        self.overrun = asyncio.Event()

    def listener(self) -> NetlinkListener:
        return NetlinkListener(0, 0, self.data.put_nowait, self.overrun.set)


async def test_the_kernel_alone_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    async with asyncio.timeout(PATIENCE), heard.listener() as listener:
        assert listener.is_open
        heard.wire.port = STRANGER
        heard.kernel.send(b"stranger")
        # the reader has had its turns
        for _ in range(3):
            await asyncio.sleep(0)
        heard.wire.port = KERNEL
        heard.kernel.send(b"kernel")
        assert await heard.data.get() == b"kernel"
        listener.send(b"question")
        assert heard.kernel.recv(100) == b"question"
    assert heard.wire.fileno() == -1
    listener.send(b"after the end: to nobody")
    heard.kernel.close()


async def test_what_the_kernel_could_not_keep_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    heard.wire.error = OSError(errno.ENOBUFS, "no buffer space available")
    async with asyncio.timeout(PATIENCE), heard.listener():
        heard.kernel.send(b"lost")
        await heard.overrun.wait()
    assert heard.data.empty()
    heard.kernel.close()


async def test_an_address_that_cannot_be_bound_leaves_no_socket() -> None:
    with pytest.raises(OSError, match=r"\w"):
        open_netlink(4096, 0)


async def test_a_system_without_netlink_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK")
    with pytest.raises(OSError, match="no netlink"):
        async with NetlinkListener(0, 0, lambda _data: None, lambda: None):
            pass
