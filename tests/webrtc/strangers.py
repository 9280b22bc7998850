"""Whoever can send to the media port: without a secret, or with the password of a call."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import aioice.ice
from aioice import stun

from agent.ports import IceOptions
from agent.webrtc.internals import REFUSED
from agent.webrtc.peer import AiortcPeer
from tests.webrtc.pairs import Side, until

LOOPBACK = IceOptions(host_addresses=("127.0.0.1",))
# of 68 bytes: aioice's parser raises struct.error
MALFORMED_STUN = bytes.fromhex(
    "000100302112a442a02494349cd78a81c31aa8ec00060009616263403a6566676800000000241e18"
    "0000000100200008000121172010a746000900050000040178000000"
)
# each ended a call, or was kept
HOSTILE = {
    "empty": b"",
    "oversized-rtp": b"\x80\x60" + bytes(1998),
    "oversized-rtcp": b"\x80\xc8" + bytes(1998),
    "short-rtp": b"\x80",
    "rtp": b"\x80\x60" + bytes(200),
    "rtcp": b"\x80\xc8" + bytes(60),
    "dtls": b"\x16\xfe\xfd" + bytes(1000),
    "junk": b"\xff" * 1400,
    "malformed-stun": MALFORMED_STUN,
    "unauthenticated-stun": bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST)),
}


def sockets_of(side: Side) -> list[aioice.ice.StunProtocol]:
    return side.peer._pc.require_ice()._protocols


def port_of(side: Side) -> tuple[str, int]:
    host, port = sockets_of(side)[0].transport.get_extra_info("sockname")[:2]
    return host, port


@contextmanager
def stranger() -> Iterator[socket.socket]:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind(("127.0.0.1", 0))
    found.setblocking(False)
    with found:
        yield found


def refused() -> int:
    return sum(REFUSED.totals().values())


async def send_refused(sender: socket.socket, side: Side, data: bytes, count: int = 1) -> None:
    """Send it so often, and wait until all of it was read and refused."""
    address = port_of(side)
    for done in range(0, count, 50):
        before, batch = refused(), min(50, count - done)
        for _ in range(batch):
            sender.sendto(data, address)
        await until(lambda: refused() >= before + batch)  # noqa: B023 - awaited before the next


def received_by(sender: socket.socket) -> int:
    """Packets that wait at this socket."""
    count = 0
    while True:
        try:
            sender.recv(2000)
        except BlockingIOError:
            return count
        count += 1


def check_of(side: Side) -> bytes:
    """A connectivity check for this side, with the passwords of the call."""
    ice = side.peer._pc.require_ice()
    return _check(ice.local_username, ice.remote_username, ice.local_password, ice.ice_controlling)


def check_of_ice(ice: aioice.ice.Connection) -> bytes:
    """The same for the other end of `ice`."""
    return _check(
        ice.remote_username, ice.local_username, ice.remote_password, not ice.ice_controlling
    )


def _check(to: str | None, by: str | None, password: str | None, controlling: bool) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{to}:{by}"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLED" if controlling else "ICE-CONTROLLING"] = 1 << 60
    message.add_message_integrity((password or "").encode())
    return bytes(message)


async def send_rtp(peer: AiortcPeer, payload_type: int, number: int, ssrc: int) -> None:
    """One packet, protected by the keys of this peer."""
    header = struct.pack("!BBHII", 0x80, payload_type, number & 0xFFFF, 960 * number, ssrc)
    await peer._pc.require_dtls()._send_rtp(header + b"\xf8\xff\xfe")
    if not number % 20:
        await asyncio.sleep(0)
