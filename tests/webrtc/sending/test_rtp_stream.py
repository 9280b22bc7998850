"""Units become packets, and lost packets leave again."""

from __future__ import annotations

import itertools

import pytest
from aiortc.rtp import (
    RTCP_RTPFB_NACK,
    RtcpRtpfbPacket,
)

from agent.h264 import annexb as h264
from agent.webrtc.sending.rtp_stream import HISTORY_SIZE
from tests.webrtc import compounds
from tests.webrtc.calls import Call
from tests.webrtc.pairs import Filter, closing, until

pytestmark = pytest.mark.media


@pytest.fixture
def call(clip: list[bytes], sound: list[bytes]) -> Call:
    return Call(clip, sound)


async def test_rtp_stream_after_a_nack_resends_from_a_long_history(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.webrtc.sending.rtp_stream.MIN_RESEND_INTERVAL", 60.0)
    async with closing(call.device, call.caller):
        await call.connect()
        # beyond aiortc's own 128
        await until(lambda: call.sent().packets_sent > 200)
        sender = call.device.peer._media._video_sender
        assert sender is not None
        history = sender._history
        packets = [packet for packet in history if packet is not None]
        header, payload = min(packets, key=lambda packet: packet[0][2:4])
        number = int.from_bytes(header[2:4], "big")
        nack = RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=call.own_ssrc, media_ssrc=call.ssrc)
        nack.lost = [(number - 1) & 0xFFFF, number]
        for count in (1, 2):
            await call.receiver._send_rtcp(nack)
            await until(lambda count=count: call.sent().nack_count == count)  # type: ignore[misc]
        sent = call.sent()
        # one was never sent, and none is resent twice in a round trip
        assert sent.retransmitted_packets_sent == 1
        assert sent.retransmitted_bytes_sent == len(payload)


async def test_rtp_stream_after_a_nack_across_the_wrap_resends_both(call: Call) -> None:
    """Its mask counts on from 65535 to 0 (RFC 4585 6.2.1)."""
    async with closing(call.device, call.caller):
        await call.connect()
        sender = call.device.peer._media._video_sender
        assert sender is not None
        # a jump ahead costs the receiver nothing: libsrtp takes half a turn
        sender._sequence_number = 0xFFF0
        await until(lambda: 0 < sender._sequence_number < 0xFFF0)
        for number in (0xFFFF, 0):
            assert sender._history[number % HISTORY_SIZE] is not None
        before = call.sent().retransmitted_packets_sent
        nack = compounds.nack(call.own_ssrc, call.ssrc, 0xFFFF, 0b1)
        await call.receiver.transport._send_rtp(nack)
        await until(lambda: call.sent().retransmitted_packets_sent >= before + 2)


async def test_rtp_stream_over_a_lossy_path_repairs_it(call: Call) -> None:
    """Every fifth packet is lost on its way; what arrives is whole all the same."""
    async with closing(call.device, call.caller):
        await call.connect()
        numbers = itertools.count(1)
        Filter(
            call.device.peer._pc.require_ice()._nominated[1].protocol,
            lambda data: bool(next(numbers) % 5) or len(data) < 300,
        )
        start = len(call.sink.video)
        await call.sink.seen(video=start + 20)
        assert call.sent().retransmitted_packets_sent > 0
        assert call.received().nack_count > 0
        clip = [list(h264.nal_units(unit)) for unit in call.clip]
        assert all(list(h264.nal_units(unit.data)) in clip for unit in call.sink.video)


async def test_rtp_stream_of_a_picture_lets_its_packets_leave_together(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        transport = call.device.peer._pc.require_ice()._nominated[1].protocol.transport
        alone: list[bytes] = []
        sendto = transport.sendto

        def counted(data: bytes, addr: tuple[str, int]) -> None:
            alone.append(data)
            sendto(data, addr)

        transport.sendto = counted  # type: ignore[assignment,method-assign]
        before = call.sent().packets_sent
        await call.sink.seen(video=len(call.sink.video) + 20)
        full = [data for data in alone if len(data) > 1000]
        assert len(full) * 4 < call.sent().packets_sent - before
