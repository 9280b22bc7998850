"""What the remote peer reports while media flows, and the counters, whose units are W3C's."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    pack_remb_fci,
)

from agent.webrtc.internals import TransportFeedback
from agent.webrtc.sending import feedback
from agent.webrtc.sending.feedback import RemoteFeedback, longest_run
from tests.webrtc.calls import Call
from tests.webrtc.compounds import mixer_report
from tests.webrtc.pairs import closing, until

pytestmark = pytest.mark.media


@pytest.fixture
def call(clip: list[bytes], sound: list[bytes]) -> Call:
    return Call(clip, sound)


async def test_feedback_pli_and_fir_reach_the_encoder(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        asked = call.source.keyframe_requests
        assert asked == 1  # at connect
        await call.receiver._send_rtcp_pli(call.ssrc)
        await until(lambda: call.source.keyframe_requests == asked + 1)
        await call.receiver._send_rtcp(fir(call, number=7))
        await until(lambda: call.source.keyframe_requests == asked + 2)
        assert (call.sent().pli_count, call.sent().fir_count) == (1, 1)
        assert call.received().pli_count == 1


async def test_feedback_fir_with_the_number_of_the_last_is_no_second_request(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        for number in (255, 255, 255, 0):
            await call.receiver._send_rtcp(fir(call, number=number))
        await call.receiver._send_rtcp_pli(call.ssrc)
        await until(lambda: call.sent().pli_count == 1)
        assert call.sent().fir_count == 2
        assert call.source.keyframe_requests == 1 + 2 + 1


async def test_feedback_fir_that_does_not_count_is_a_request_again_later(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "FIR_REPEATED", 0.0)
    async with closing(call.device, call.caller):
        await call.connect()
        for count in (1, 2):
            await call.receiver._send_rtcp(fir(call, number=0))
            await until(lambda count=count: call.sent().fir_count == count)  # type: ignore[misc]


async def test_feedback_in_a_compound_of_a_mixer_is_heard(call: Call) -> None:
    """A PLI behind the descriptions of two sources, and a packet that nobody can read."""
    async with closing(call.device, call.caller):
        await call.connect()
        transport = call.receiver.transport
        await transport._send_rtp(mixer_report(call.own_ssrc, call.ssrc, b"a", b"b"))
        await until(lambda: call.sent().pli_count == 1)
        assert call.sent().remote_fraction_lost == 0.5


def fir(call: Call, *, number: int) -> RtcpPsfbPacket:
    """RFC 5104 4.3.1: the media SSRC of the header is 0, the target stands in the entry."""
    entry = struct.pack("!LL", call.ssrc, number << 24)
    return RtcpPsfbPacket(fmt=RTCP_PSFB_FIR, ssrc=call.own_ssrc, media_ssrc=0, fci=entry)


async def test_feedback_for_a_muted_camera_asks_for_no_key_frame(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        call.device.peer.mute(video=True)
        await call.receiver._send_rtcp_pli(call.ssrc)
        await until(lambda: call.sent().pli_count == 1)
        assert call.source.keyframe_requests == 1


async def test_feedback_remb_is_read_unclamped(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        fci = pack_remb_fci(8_000_000, [call.ssrc])
        await call.receiver._send_rtcp(
            RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=call.own_ssrc, media_ssrc=0, fci=fci)
        )
        await until(lambda: call.sent().remote_bitrate_estimate == 8_000_000)


async def test_feedback_receiver_reports_come_in_w3c_units(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        report = RtcpReceiverInfo(
            ssrc=call.ssrc,
            fraction_lost=64,
            packets_lost=7,
            highest_sequence=1,
            jitter=900,
            lsr=0,
            dlsr=0,
        )
        await call.receiver._send_rtcp(RtcpRrPacket(ssrc=call.own_ssrc, reports=[report]))
        await until(lambda: call.sent().remote_packets_lost == 7)
        sent = call.sent()
        assert sent.remote_fraction_lost == 0.25
        assert sent.remote_jitter == 0.01


async def test_feedback_report_beside_that_on_each_packet_is_no_sign_that_packets_arrive(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is later: of a path that has died it names what came before."""
    read, arrive = RemoteFeedback.on_rtcp, True

    def on_rtcp(self: RemoteFeedback, packet: Any) -> None:
        if isinstance(packet, TransportFeedback) and not arrive:
            packet.arrivals.clear()
        read(self, packet)

    monkeypatch.setattr(RemoteFeedback, "on_rtcp", on_rtcp)
    async with closing(call.device, call.caller):
        await call.connect()
        media = call.device.peer._media
        await until(lambda: media.acknowledged > 0)
        arrive = False
        before, reports = media.acknowledged, media.heeded[1]
        # two of each stream, whose first one tells nothing
        await until(lambda: media.heeded[1] >= reports + 4)
        assert media.acknowledged == before


async def test_feedback_report_on_what_came_long_ago_is_no_sign_that_packets_arrive(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    # there is nothing but reports then
    call.number_nothing()
    async with closing(call.device, call.caller):
        await call.connect()
        media = call.device.peer._media
        await until(lambda: media.acknowledged > 0)
        monkeypatch.setattr(feedback, "PROMPT_REPORT", 0.0)
        before, reports = media.acknowledged, media.heeded[1]
        await until(lambda: media.heeded[1] >= reports + 2)
        assert media.acknowledged == before


@pytest.mark.parametrize(
    ("lost", "run"),
    [
        ([], None),
        ([7], (7, 7)),
        ([1, 5, 6, 7, 20], (5, 7)),
        ([65534, 65535, 0, 1], (65534, 1)),
    ],
)
def test_longest_run_of_numbers_in_a_row(lost: list[int], run: tuple[int, int] | None) -> None:
    assert longest_run(lost) == run
