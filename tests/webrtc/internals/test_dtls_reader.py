"""DTLS and SRTP of a stranger: what was not authenticated is no life, and nothing ends a call."""

from __future__ import annotations

import inspect
import struct
from typing import Any

import pytest
from aiortc import RTCPeerConnection
from aiortc.rtcdtlstransport import RTCDtlsTransport

from agent.core.call.events import PeerLost, PeerSilent
from agent.ports import LocalStream
from agent.webrtc import internals
from agent.webrtc.internals import REFUSED, Refusal, consent, rtp_receiver
from agent.webrtc.internals.dtls_reader import MAX_SOURCES
from tests.webrtc.feeds import ClipFeed, MemorySink, SoundFeed
from tests.webrtc.pairs import Hole, Side, closing, connect, until
from tests.webrtc.strangers import LOOPBACK, port_of, send_rtp, sockets_of, stranger

pytestmark = pytest.mark.media


def audio_payload_type(side: Side) -> int:
    receiver = next(
        each.receiver for each in side.peer._pc.getTransceivers() if each.kind == "audio"
    )
    table = side.peer._pc.require_dtls()._rtp_router.payload_type_table
    return next(kind for kind, receivers in table.items() if receiver in receivers)


async def inject(side: Side, data: bytes) -> None:
    """As if it came from the remote peer's own address: an address can be forged."""
    protocol = sockets_of(side)[0]
    pair = side.peer._pc.require_ice()._nominated[1]
    protocol.datagram_received(data, pair.remote_addr)
    queue = side.peer._pc.require_ice()._queue
    await until(queue.empty)


async def test_dtls_reader_of_a_forged_packet_counts_no_life(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte now and then, and nobody would be told that the remote peer has gone."""
    monkeypatch.setattr(consent, "SILENCE", 0.5)
    monkeypatch.setattr(consent, "LISTENING", 0.05)
    monkeypatch.setattr(consent, "CONSENT_INTERVAL", 0.1)
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(device, caller):
        await connect(caller, device)
        hole = Hole(caller.peer)
        with stranger() as sender:
            while not device.of(PeerSilent):
                sender.sendto(b"\xff", port_of(device))
                await inject(device, b"\x80\x60" + bytes(40))
                await inject(device, b"\x16\xfe\xfd" + bytes(40))
        hole.end()


async def test_dtls_reader_counts_what_was_authenticated(clip: list[bytes]) -> None:
    sink = MemorySink()
    device = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK)
    caller = Side(ice=LOOPBACK, sink=sink)
    async with closing(device, caller):
        await connect(caller, device)
        await sink.seen(video=5)
        totals = internals.transport_totals(caller.peer._pc.require_dtls())
        received = caller.peer.counters().video_received
        assert received is not None
        assert totals.packetsReceived >= received.packets_received
        assert totals.bytesReceived > received.bytes_received


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x80\x60\x00", Refusal.MALFORMED),
        (b"\x80\xc8\x00\x01", Refusal.MALFORMED),
        (b"\x80\x60" + bytes(40), Refusal.UNAUTHENTICATED),
        (b"\x80\xc8" + bytes(40), Refusal.UNAUTHENTICATED),
    ],
)
async def test_dtls_reader_of_forged_srtp_counts_it_as_refused(
    data: bytes, kind: Refusal, clip: list[bytes]
) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(device, caller):
        await connect(caller, device)
        before = REFUSED.of(kind)
        await inject(device, data)
        await until(lambda: REFUSED.of(kind) > before)
        assert not device.of(PeerLost)


async def test_dtls_reader_of_rtcp_that_breaks_a_parser_goes_on(
    clip: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Authenticated nonsense: told of once, and the call goes on."""
    sink = MemorySink()
    device = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK)
    caller = Side(ice=LOOPBACK, sink=sink)
    async with closing(device, caller):
        await connect(caller, device)
        dtls: Any = device.peer._pc.require_dtls()

        def broken(_packet: object) -> None:
            raise LookupError("a parser's")

        dtls._rtp_router.route_rtcp = broken
        before = REFUSED.of(Refusal.MALFORMED)
        for _ in range(3):
            report = struct.pack("!BBHI", 0x80, 201, 1, 7)
            await caller.peer._pc.require_dtls()._send_rtp(report)
        await until(lambda: REFUSED.of(Refusal.MALFORMED) >= before + 3)
        await sink.seen(video=len(sink.video) + 5)
        assert not device.of(PeerLost)
    assert "LookupError" not in caplog.text or caplog.text.count("LookupError") == 1


async def test_dtls_reader_keeps_so_many_sources_and_no_more(
    clip: list[bytes], sound: list[bytes]
) -> None:
    """Each has a stream in libsrtp, an entry in the router and statistics in its receiver."""
    device = Side(LocalStream(ClipFeed(clip), SoundFeed(sound)), ice=LOOPBACK)
    caller = Side(LocalStream(audio=SoundFeed(sound)), ice=LOOPBACK)
    async with closing(device, caller):
        await connect(caller, device)
        kind, before = audio_payload_type(device), REFUSED.of(Refusal.EXCESS)
        count = 1000
        for number in range(count):
            await send_rtp(caller.peer, kind, number, 1_000_000 + number)
        await until(lambda: REFUSED.of(Refusal.EXCESS) >= before + count - MAX_SOURCES)
        router = device.peer._pc.require_dtls()._rtp_router
        assert len(router.ssrc_table) <= MAX_SOURCES + 4
        receiver: Any = device.peer._pc.getReceivers()[0]
        assert len(receiver._RTCRtpReceiver__remote_streams) <= rtp_receiver.MAX_SOURCES
        assert not device.of(PeerLost)


async def test_dtls_reader_finds_the_names_of_aiortc(pc: RTCPeerConnection) -> None:
    """What it takes the place of is read beside it after an upgrade."""
    dtls = pc.getTransceivers()[0].receiver.transport
    for name in ("handshake_done", "rx_packets", "rx_bytes", "local_certificate"):
        assert hasattr(dtls, f"_RTCDtlsTransport__{name}"), name
    for name in ("_rx_srtp", "_data_receiver", "_ssl"):
        assert getattr(dtls, name) is None, name
    run = inspect.getsource(RTCDtlsTransport)
    assert run.count("await self._recv_next()") == 2
    assert "self.__local_certificate._create_ssl_context(" in run
    certificates = pc._RTCPeerConnection__certificates  # type: ignore[attr-defined]
    assert dtls._RTCDtlsTransport__local_certificate is certificates[0]  # type: ignore[attr-defined]
    await pc.close()
