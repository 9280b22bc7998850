"""What the far side reports while media flows, and the counters, whose units are W3C's."""

from __future__ import annotations

import itertools
import struct
import time
from dataclasses import asdict

import pytest
from aiortc import RTCRtpReceiver
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    pack_remb_fci,
)

from agent.core.call.events import FirstFrameSeen, PeerLost
from agent.core.statistics.counters import ReceivedCounters, SentCounters
from agent.h264 import annexb as h264
from agent.ports import AccessUnit, DecodedAudio, LocalStream
from tests.webrtc.feeds import ClipFeed, ClipSubscription, MemorySink, SoundFeed
from tests.webrtc.pairs import Filter, Side, closing, connect, until

pytestmark = pytest.mark.media


class Call:
    """A device that sends video to a caller, and the ends of that stream."""

    def __init__(self, clip: list[bytes], sound: list[bytes]) -> None:
        self.clip = clip
        self.sink = MemorySink()
        self.feed = ClipFeed(clip)
        self.sound = SoundFeed(sound)
        self.device = Side(LocalStream(self.feed, self.sound))
        self.caller = Side(sink=self.sink)

    async def connect(self) -> None:
        await connect(self.caller, self.device)
        await self.device.event(FirstFrameSeen)
        await self.sink.seen(video=2)

    @property
    def source(self) -> ClipSubscription:
        return self.feed.subscriptions[0]

    @property
    def ssrc(self) -> int:
        """The SSRC of the device's video."""
        return next(
            t.sender for t in self.device.peer._pc.getTransceivers() if t.kind == "video"
        )._ssrc

    @property
    def receiver(self) -> RTCRtpReceiver:
        """Where the caller receives that video."""
        return next(t.receiver for t in self.caller.peer._pc.getTransceivers() if t.kind == "video")

    @property
    def own_ssrc(self) -> int:
        return next(
            t.sender for t in self.caller.peer._pc.getTransceivers() if t.kind == "video"
        )._ssrc

    def sent(self) -> SentCounters:
        counters = self.device.peer.counters().video_sent
        assert counters is not None
        return counters

    def received(self) -> ReceivedCounters:
        counters = self.caller.peer.counters().video_received
        assert counters is not None
        return counters


@pytest.fixture
def call(clip: list[bytes], sound: list[bytes]) -> Call:
    return Call(clip, sound)


async def test_pli_and_fir_reach_the_encoder(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        asked = call.source.keyframe_requests
        assert asked == 1  # at connect
        await call.receiver._send_rtcp_pli(call.ssrc)
        await until(lambda: call.source.keyframe_requests == asked + 1)
        await call.receiver._send_rtcp(
            RtcpPsfbPacket(
                fmt=RTCP_PSFB_FIR, ssrc=call.own_ssrc, media_ssrc=call.ssrc, fci=bytes(8)
            )
        )
        await until(lambda: call.source.keyframe_requests == asked + 2)
        assert (call.sent().pli_count, call.sent().fir_count) == (1, 1)
        assert call.received().pli_count == 1


async def test_a_muted_camera_is_not_asked_for_key_frames(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        call.device.peer.mute(video=True)
        await call.receiver._send_rtcp_pli(call.ssrc)
        await until(lambda: call.sent().pli_count == 1)
        assert call.source.keyframe_requests == 1


async def test_nack_resends_from_a_long_history(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.webrtc.internals.sender.MIN_RESEND_INTERVAL", 60.0)
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


async def test_lost_packets_are_repaired(call: Call) -> None:
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


async def test_the_packets_of_a_picture_leave_together(call: Call) -> None:
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


async def test_remb_is_read_unclamped(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        fci = pack_remb_fci(8_000_000, [call.ssrc])
        await call.receiver._send_rtcp(
            RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=call.own_ssrc, media_ssrc=0, fci=fci)
        )
        await until(lambda: call.sent().remote_bitrate_estimate == 8_000_000)


async def test_receiver_reports_come_in_w3c_units(call: Call) -> None:
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


async def test_counters_are_filled(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        await until(lambda: call.sent().round_trip_time is not None)
        await call.sink.seen(audio=25)  # Opus begins softly
        device, caller = call.device.peer.counters(), call.caller.peer.counters()
        quality = call.sent()
        assert quality.remote_packets_lost == 0
        assert quality.remote_fraction_lost == 0
        assert quality.round_trip_time is not None
        assert 0 <= quality.round_trip_time < 20
    assert device.video_sent is not None
    assert caller.video_received is not None
    assert device.audio_sent is not None
    assert caller.audio_received is not None
    sent, received = device.video_sent, caller.video_received
    assert (sent.codec, sent.frame_width, sent.frame_height) == ("H264", 320, 240)
    assert sent.frames_sent >= sent.key_frames_sent >= 1
    assert sent.packets_sent >= sent.frames_sent
    assert sent.bytes_sent > 1000
    assert 0 <= sent.send_delay_total < 20 * sent.frames_sent
    assert (received.codec, received.frame_width, received.frame_height) == ("H264", 320, 240)
    assert 0 < received.frames_received <= sent.frames_sent
    assert received.key_frames_received >= 1
    assert received.packets_received >= received.frames_received
    assert received.bytes_received > 1000
    assert received.packets_lost == 0
    assert received.jitter is not None
    assert 0 <= received.jitter < 20
    assert received.last_packet_at is not None
    assert 0 <= time.monotonic() - received.last_packet_at < 60
    sound = caller.audio_received
    assert sound.codec == "opus"
    assert sound.frames_received >= 1
    assert sound.total_audio_energy is not None
    seconds = 0.02 * sound.frames_received
    # a square wave of 8000 of 32767 has 0.06
    assert 0.01 < sound.total_audio_energy / seconds < 0.2
    transport = device.transport
    assert (transport.local_candidate_type, transport.protocol) == ("host", "udp")
    assert transport.remote_candidate_type in ("host", "prflx")
    # events go to whoever reads them: no address of either side
    assert not [name for name in asdict(transport) if "address" in name]
    assert (transport.ice_role, caller.transport.ice_role) == ("controlled", "controlling")
    assert transport.dtls_state == "connected"
    assert transport.packets_sent is not None
    assert transport.packets_sent > sent.packets_sent
    assert transport.bytes_received is not None
    assert transport.bytes_received > 0


async def test_the_round_trip_of_the_pair_is_measured(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.webrtc.internals.ice_transport.CONSENT_INTERVAL", 0.02)
    async with closing(call.device, call.caller):
        await call.connect()
        await until(
            lambda: call.device.peer.counters().transport.current_round_trip_time is not None
        )
        rtt = call.device.peer.counters().transport.current_round_trip_time
        assert rtt is not None
        assert 0 < rtt < 1


async def test_a_full_socket_drops_to_the_next_key_frame(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        with monkeypatch.context() as patch:
            protocol = call.device.peer._pc.require_ice()._nominated[1].protocol
            patch.setattr(
                protocol.transport, "get_write_buffer_size", lambda: 1 << 20, raising=False
            )
            await until(lambda: call.sent().frames_dropped >= 2)
            sent = call.sent().frames_sent
            await until(lambda: call.sent().frames_dropped >= 4)
            assert call.sent().frames_sent == sent
        keys = call.sent().key_frames_sent
        await until(lambda: call.sent().frames_sent > sent)
        # the first that left
        assert call.sent().key_frames_sent > keys


async def test_a_picture_that_was_broken_off_never_looks_whole(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket takes half of a large key frame and no more; what a receiver has of it is not
    given out.
    """
    burden = call.clip[0][:-1] + bytes(range(1, 256)) * 300
    call.feed = ClipFeed([burden, *call.clip[1:]])
    call.device = Side(LocalStream(call.feed, call.sound))
    async with closing(call.device, call.caller):
        await call.connect()
        sender = call.device.peer._media._video_sender
        assert sender is not None
        await until(lambda: sender._begun is not None)
        with monkeypatch.context() as patch:
            protocol = call.device.peer._pc.require_ice()._nominated[1].protocol
            patch.setattr(
                protocol.transport, "get_write_buffer_size", lambda: 1 << 20, raising=False
            )
            await until(lambda: call.sent().frames_dropped > 0)
        keys = call.sent().key_frames_sent
        await until(lambda: call.sent().key_frames_sent > keys)
        await call.sink.seen(video=len(call.sink.video) + 2)
        lost = call.received().packets_lost
        assert lost is not None
        # a hole that is never filled
        assert lost > 0
    clip = [list(h264.nal_units(unit)) for unit in (burden, *call.clip[1:])]
    assert all(list(h264.nal_units(unit.data)) in clip for unit in call.sink.video)


async def test_a_sink_that_fails_costs_nobody_the_call(
    clip: list[bytes], sound: list[bytes]
) -> None:
    class BadSink(MemorySink):
        def on_video(self, unit: AccessUnit) -> None:
            raise ZeroDivisionError

        def on_audio(self, audio: DecodedAudio) -> None:
            raise ZeroDivisionError

    device, caller = (
        Side(LocalStream(ClipFeed(clip), SoundFeed(sound))),
        Side(sink=BadSink()),
    )
    async with closing(device, caller):
        await connect(caller, device)

        def frames() -> tuple[int, int]:
            counters = caller.peer.counters()
            assert counters.video_received is not None
            assert counters.audio_received is not None
            return counters.video_received.frames_received, counters.audio_received.frames_received

        await until(lambda: min(frames()) >= 3)


async def test_a_picture_that_starts_without_a_key_frame_asks_for_one(clip: list[bytes]) -> None:
    """It begins in the middle, and is given out from its first key frame on."""
    sink = MemorySink()
    device, caller = Side(LocalStream(ClipFeed(clip[1:]))), Side(sink=sink)
    async with closing(device, caller):
        await connect(caller, device)
        await sink.seen(video=2)
        received = caller.peer.counters().video_received
        assert received is not None
        assert received.pli_count >= 1
    assert list(h264.nal_units(sink.video[0].data)) == list(h264.nal_units(clip[10]))


async def test_a_packet_that_cannot_be_read_is_lost_and_ends_nothing(call: Call) -> None:
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
