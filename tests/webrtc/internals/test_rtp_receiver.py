"""The contract with aiortc's receiver: each private name that is used, and what it does."""

from __future__ import annotations

import inspect
import struct

import pytest
from aiortc import RTCPeerConnection
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RtcpPsfbPacket,
    pack_remb_fci,
)

from agent.core.call.events import PeerLost
from tests.webrtc.calls import Call
from tests.webrtc.pairs import closing, until


async def test_rtp_receiver_finds_the_names_of_aiortc(pc: RTCPeerConnection) -> None:
    receiver = pc.getReceivers()[0]
    for name in (
        "decoder_queue",
        "decoder_error",
        "jitter_buffer",
        "kind",
        "remote_streams",
        "rtx_ssrc",
    ):
        assert hasattr(receiver, f"_RTCRtpReceiver__{name}"), name
    assert list(inspect.signature(receiver._handle_rtp_packet).parameters) == [
        "packet",
        "arrival_time_ms",
    ]
    assert list(inspect.signature(receiver._send_rtcp_nack).parameters) == ["media_ssrc", "lost"]
    assert list(inspect.signature(receiver._send_rtcp_pli).parameters) == ["media_ssrc"]
    source = inspect.getsource(type(receiver))
    assert "self.__decoder_queue.put((codec, encoded_frame))" in source
    assert "self.__decoder_queue.put(None)" in source
    assert "pli_flag, encoded_frame = self.__jitter_buffer.add(packet)" in source
    buffer = JitterBuffer(4)
    assert (buffer.capacity, buffer._packets, buffer._origin) == (4, [None] * 4, None)
    assert "self._remove_frame(packet.sequence_number)" in inspect.getsource(JitterBuffer.add)
    await pc.close()


@pytest.fixture
def call(clip: list[bytes], sound: list[bytes]) -> Call:
    return Call(clip, sound)


async def test_rtp_receiver_of_a_packet_that_cannot_be_read_ends_nothing(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        cut = pack_remb_fci(500_000, [call.ssrc])[:-4]
        remb = RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=call.own_ssrc, media_ssrc=call.ssrc, fci=cut)
        dtls = call.caller.peer._pc.require_dtls()
        abs_send_time = dtls._rtp_header_extensions_map._HeaderExtensionsMap__ids.abs_send_time  # type: ignore[attr-defined]
        # one byte instead of three
        short = bytes([abs_send_time << 4, 9, 0, 0])
        await dtls._send_rtp(bytes(remb))
        await dtls._send_rtp(
            struct.pack("!BBHLLHH", 0x90, 101, 1, 0, call.own_ssrc, 0xBEDE, 1) + short
        )
        await call.receiver._send_rtcp_pli(call.ssrc)
        await until(lambda: call.sent().pli_count == 1 or bool(call.device.of(PeerLost)))
        assert not call.device.of(PeerLost)
