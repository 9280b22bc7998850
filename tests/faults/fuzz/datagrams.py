"""The datagram layer under any bytes: the sockets, STUN behind its password, DTLS records, RTP and
RTCP behind SRTP.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, cast

import aioice.ice
from aioice import stun
from aiortc import RTCIceGatherer, RTCIceTransport, RTCRtpReceiver, RTCRtpSender
from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCCertificate, RTCDtlsTransport
from aiortc.rtcrtpparameters import (
    RTCRtpCodecParameters,
    RTCRtpDecodingParameters,
    RTCRtpReceiveParameters,
)
from OpenSSL import SSL

from agent.ports import BitrateLimits
from agent.webrtc.internals import DtlsReader, RtpSender
from agent.webrtc.internals.datagram_guard import MAX_DATAGRAM, GuardedProtocol
from agent.webrtc.receiving.inbound import InboundVideo
from agent.webrtc.sending.adaptation import BitrateAdaptation
from agent.webrtc.sending.feedback import RemoteFeedback

REMOTE, STRANGER = ("192.0.2.7", 4000), ("192.0.2.66", 6666)
LIMITS = BitrateLimits(1_000_000, 200_000, 3_000_000)
CERTIFICATE = RTCCertificate.generateCertificate()
VIDEO_SSRC = 7
PAYLOAD_TYPE = 96


class CountingTransport:
    """In the place of a socket."""

    def __init__(self) -> None:
        self.sent = 0

    def sendto(self, _data: bytes, _addr: tuple[str, int]) -> None:
        self.sent += 1

    def is_closing(self) -> bool:
        return False


async def connection() -> tuple[aioice.ice.Connection, GuardedProtocol, CountingTransport]:
    """An ICE connection that knows one remote candidate, on a socket that only counts."""
    ice, wire = aioice.ice.Connection(ice_controlling=False), CountingTransport()
    ice.remote_username, ice.remote_password = "abcd", "p" * 22
    protocol = GuardedProtocol(ice)
    protocol.connection_made(cast("asyncio.DatagramTransport", wire))
    protocol.local_candidate = aioice.Candidate("1", 1, "udp", 1, "192.0.2.1", 5000, "host")
    ice._protocols.append(protocol)
    await ice.add_remote_candidate(aioice.Candidate("1", 1, "udp", 1, *REMOTE, "host"))
    return ice, protocol, wire


async def sockets(data: bytes) -> None:
    """Any bytes, from a candidate and from nobody: nothing is raised, and nobody gets more than he
    sent.
    """
    ice, protocol, wire = await connection()
    pieces = split(data)
    for piece in pieces:
        protocol.datagram_received(piece, STRANGER)
    assert ice._queue.empty()
    for piece in pieces:
        protocol.datagram_received(piece, REMOTE)
    assert wire.sent <= 2 * len(pieces)
    assert all(0 < len(queued) <= MAX_DATAGRAM for queued, _ in _drained(ice._queue))


async def checks(data: bytes) -> None:
    """Any attributes under the right password, while connectivity is checked."""
    ice, protocol, wire = await connection()
    ice._early_checks_done = True
    pieces = split(data)
    for piece in pieces:
        protocol.datagram_received(authenticated(ice, piece), REMOTE)
        protocol.datagram_received(authenticated(ice, piece), STRANGER)
        await asyncio.sleep(0)
    assert wire.sent <= 3 * 2 * len(pieces)
    assert len(ice._remote_candidates) <= 2
    for pair in ice._check_list:
        if pair.task is not None:
            pair.task.cancel()


def authenticated(ice: aioice.ice.Connection, attributes: bytes) -> bytes:
    """A binding request with these attributes, as they are."""
    name = f"{ice.local_username}:{ice.remote_username}".encode()
    head = struct.pack("!HHI12s", 1, 0, stun.COOKIE, bytes(12))
    head += struct.pack("!HH", 6, len(name)) + name + bytes(-len(name) % 4)
    body = head + attributes + bytes(-len(attributes) % 4)
    signature = stun.message_integrity(body, ice.local_password.encode())
    body += struct.pack("!HH", 8, len(signature)) + signature
    body = stun.set_body_length(body, len(body) - 20 + 8)
    return body + struct.pack("!HHI", 0x8028, 4, stun.message_fingerprint(body))


async def transport() -> RTCDtlsTransport:
    """One that has sent a ClientHello, whose socket is a queue."""
    dtls = RTCDtlsTransport(RTCIceTransport(RTCIceGatherer(iceServers=[])), [CERTIFICATE])
    DtlsReader(dtls)
    waiting: asyncio.Queue[bytes] = asyncio.Queue()
    ice: Any = dtls.transport
    ice._recv, ice._send = waiting.get, _nothing
    dtls._ssl = SSL.Connection(CERTIFICATE._create_ssl_context(SRTP_PROFILES))
    dtls._ssl.set_connect_state()
    return dtls


async def records(data: bytes) -> None:
    """DTLS in the middle of a handshake: read on, or ended by its own error."""
    dtls = await transport()
    for piece in split(data):
        await received(dtls, b"\x16" + piece)


async def media(data: bytes) -> None:
    """RTP and RTCP that SRTP has let through, for a sender and a receiver of pictures."""
    dtls: Any = await transport()
    dtls._rx_srtp = _Plain()
    sender = RTCRtpSender("video", dtls)
    adaptation = BitrateAdaptation(LIMITS, lambda _: None, lambda: None)
    feedback = RemoteFeedback(RtpSender(sender, _nothing_happens), 90_000, adaptation)
    rtcp: Any = sender

    async def heard(packet: Any) -> None:
        feedback.on_rtcp(packet)

    rtcp._handle_rtcp_packet = heard
    dtls._rtp_router.register_sender(sender, sender._ssrc)
    receiver = RTCRtpReceiver("video", dtls)
    inbound = InboundVideo(receiver, None, _nothing_happens, _nothing_happens)
    codec = RTCRtpCodecParameters("video/H264", 90_000, payloadType=PAYLOAD_TYPE)
    receiver._RTCRtpReceiver__codecs[PAYLOAD_TYPE] = codec  # type: ignore[attr-defined]
    parameters = RTCRtpReceiveParameters(
        codecs=[codec], encodings=[RTCRtpDecodingParameters(VIDEO_SSRC, PAYLOAD_TYPE)]
    )
    dtls._register_rtp_receiver(receiver, parameters)
    for piece in split(data):
        await received(dtls, piece.replace(b"SSRC", struct.pack("!L", sender._ssrc)))
    assert len(inbound.tap.streams) <= 8
    assert len(dtls._rtp_router.ssrc_table) <= 33


async def received(dtls: RTCDtlsTransport, data: bytes) -> None:
    recv: Any = dtls.transport._recv
    recv.__self__.put_nowait(data)
    try:
        await dtls._recv_next()
    except ConnectionError:
        return


class _Plain:
    """SRTP without a cipher."""

    def unprotect(self, data: bytes) -> bytes:
        return data

    unprotect_rtcp = unprotect


def split(data: bytes) -> list[bytes]:
    """Each datagram behind two bytes of its size, as many as there are."""
    found: list[bytes] = []
    while len(data) >= 2 and len(found) < 50:
        size = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + size])
        data = data[2 + size :]
    return found


def joined(pieces: list[bytes]) -> bytes:
    return b"".join(len(piece).to_bytes(2, "big") + piece for piece in pieces)


def _drained(queue: asyncio.Queue[Any]) -> list[tuple[bytes, int]]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def _nothing(*_: object) -> None:
    pass


def _nothing_happens(*_: object) -> None:
    pass


def mutated(random: Random, kind: str) -> bytes:
    """Some datagrams of a kind that nearly makes sense."""
    return joined([_PIECES[kind](random) for _ in range(random.randrange(1, 12))])


def _any(random: Random) -> bytes:
    first = random.choice((0, 1, 19, 22, 63, 64, 128, 144, 191, 255))
    return bytes([first]) + random.randbytes(random.choice((0, 1, 3, 11, 19, 100, 1499, 1500)))


def _attribute(random: Random) -> bytes:
    kinds = (0x24, 0x25, 0x8029, 0x802A, 0x20, 0x06, 0x09, 0x01, 0x8028, 0x7777)
    value = random.randbytes(random.choice((0, 1, 2, 4, 8, 20)))
    size = len(value) if random.random() < 0.7 else random.randrange(1 << 16)
    return struct.pack("!HH", random.choice(kinds), size) + value + bytes(-len(value) % 4)


def _record(random: Random) -> bytes:
    """Behind its first byte."""
    body = random.randbytes(random.choice((0, 1, 12, 13, 200)))
    size = len(body) if random.random() < 0.7 else random.randrange(1 << 16)
    return b"\xfe\xfd" + random.randbytes(8) + struct.pack("!H", size) + body


def _rtp_or_rtcp(random: Random) -> bytes:
    ssrc = random.choice((b"SSRC", struct.pack("!L", VIDEO_SSRC), random.randbytes(4)))
    if random.random() < 0.5:
        first = random.choice((0x80, 0x90, 0xA0, 0x8F, 0xBF))
        head = struct.pack("!BBHL", first, PAYLOAD_TYPE | 0x80, random.randrange(1 << 16), 3000)
        return head + ssrc + random.randbytes(random.choice((0, 1, 2, 5, 40, 1000)))
    body = ssrc + ssrc + random.randbytes(4 * random.randrange(12))
    words = len(body) // 4 if random.random() < 0.7 else random.randrange(1 << 16)
    kind = random.choice((200, 201, 202, 203, 204, 205, 206, 207))
    return struct.pack("!BBH", 0x80 | random.randrange(32), kind, words) + body


_PIECES: dict[str, Callable[[Random], bytes]] = {
    "sockets": _any,
    "checks": lambda random: b"".join(_attribute(random) for _ in range(random.randrange(4))),
    "records": _record,
    "media": _rtp_or_rtcp,
}
LAYERS: dict[str, Callable[[bytes], Awaitable[None]]] = {
    "sockets": sockets,
    "checks": checks,
    "records": records,
    "media": media,
}
# entries of their own, and their layers
ENTRIES = {"stun": "checks", "dtls": "records", "rtcp": "media"}
