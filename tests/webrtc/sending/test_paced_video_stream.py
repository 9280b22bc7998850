"""Bitrate and repair in a real call: what the remote peer reports moves the encoder, and an overflow
costs a key frame.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    pack_remb_fci,
)

from agent.core.call.events import MediaGrant
from agent.core.call.reasons import SharedBitrate
from agent.core.rate.probing import Probe
from agent.h264 import annexb as h264
from agent.ports import BitrateLimits, LocalStream
from tests.waiting import PATIENCE
from tests.webrtc.calls import Call
from tests.webrtc.feeds import ClipFeed
from tests.webrtc.pairs import Side, closing, connect, until

pytestmark = pytest.mark.media

# bit/s, far below what is sent
CONGESTION = (1_500_000, 400_000, 300_000)


@pytest.fixture
def call(clip: list[bytes], sound: list[bytes]) -> Call:
    return Call(clip, sound)


def limit_to(limits: BitrateLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each subscription that is to come."""
    subscribe = ClipFeed.subscribe

    async def limited(self: ClipFeed, shared: SharedBitrate) -> object:
        subscription = await subscribe(self, shared)
        subscription.limits = limits
        return subscription

    monkeypatch.setattr(ClipFeed, "subscribe", limited)


async def report_estimate(call: Call, bitrate: int) -> None:
    fci = pack_remb_fci(bitrate, [call.ssrc])
    await call.receiver._send_rtcp(
        RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=call.own_ssrc, media_ssrc=0, fci=fci)
    )


async def report_congestion(
    call: Call, followed: Callable[[], bool], estimates: Sequence[int] = CONGESTION
) -> None:
    """Let the estimate fall until that is followed, again each second as receivers do: what comes
    just after the sender was held up is taken for the outage's.
    """
    async with asyncio.timeout(PATIENCE):
        while not followed():
            for estimate in estimates:
                await report_estimate(call, estimate)
            for _ in range(100):
                if followed():
                    break
                await asyncio.sleep(0.01)


async def ask_again_for(call: Call, packets: int) -> None:
    """A NACK for the last so many packets."""
    sender = call.device.peer._media._video_sender
    assert sender is not None
    last = sender._sequence_number
    nack = RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=call.own_ssrc, media_ssrc=call.ssrc)
    nack.lost = [(last - packets + number) & 0xFFFF for number in range(packets)]
    await call.receiver._send_rtcp(nack)


async def test_paced_video_stream_lets_the_remote_estimate_reach_the_encoder(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        await until(lambda: bool(call.source.bitrates))
        assert call.source.bitrates[0] == call.sent().target_bitrate == BitrateLimits().bitrate
        assert call.sent().quality_limitation_reason == "none"
        await report_congestion(call, lambda: call.source.bitrates[-1] < 1_500_000)
        assert call.sent().target_bitrate == call.source.bitrates[-1]
        assert call.sent().quality_limitation_reason == "bandwidth"


async def test_paced_video_stream_keeps_the_limits_of_the_subscription(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_to(BitrateLimits(600_000, 500_000, 700_000), monkeypatch)
    async with closing(call.device, call.caller):
        await call.connect()
        await report_congestion(
            call, lambda: call.source.bitrates[-1:] == [500_000], (550_000, 50_000)
        )
        assert call.source.bitrates[0] == 600_000


async def test_paced_video_stream_after_an_overflow_asks_for_one_key_frame(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        await until(lambda: call.sent().packets_sent > 150)
        asked = call.source.keyframe_requests
        for _ in range(3):
            await ask_again_for(call, 100)
        await until(lambda: call.source.keyframe_requests == asked + 1)
        sent = call.sent()
        assert sent.retransmitted_packets_sent < 60
        keys = sent.key_frames_sent
        await until(lambda: call.sent().key_frames_sent > keys)
        assert call.source.keyframe_requests == asked + 1


async def test_paced_video_stream_with_few_losses_asks_for_no_key_frame(call: Call) -> None:
    async with closing(call.device, call.caller):
        await call.connect()
        await until(lambda: call.sent().packets_sent > 50)
        asked = call.source.keyframe_requests
        await ask_again_for(call, 5)
        await until(lambda: call.sent().retransmitted_packets_sent == 5)
        assert call.source.keyframe_requests == asked


async def test_rtp_stream_of_sound_resends_nothing(call: Call) -> None:
    """Nobody negotiates that for Opus, so who asks for it all again and again is not served."""
    async with closing(call.device, call.caller):
        await call.connect()
        sender = call.device.peer._media._audio_sender
        assert sender is not None
        await call.sink.seen(audio=20)
        nack = RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=call.own_ssrc, media_ssrc=sender._rtp.ssrc)
        nack.lost = [(sender._sequence_number - number) & 0xFFFF for number in range(15, 0, -1)]
        await call.receiver._send_rtcp(nack)
        await ask_again_for(call, 5)
        # the pictures' NACK came after the sound's
        await until(lambda: call.sent().retransmitted_packets_sent == 5)
        assert sender.tally.retransmitted_packets == 0


async def test_rtp_stream_of_sound_never_waits_for_a_key_frame(call: Call) -> None:
    """A picture that takes most of a second to leave, and no packet of sound later than usual."""
    burden = call.clip[0][:-1] + bytes(range(1, 256)) * 800
    call.feed = ClipFeed([burden, *call.clip[1:]])
    call.device = Side(LocalStream(call.feed, call.sound))
    async with closing(call.device, call.caller):
        await call.connect()
        sender = call.device.peer._media._video_sender
        assert sender is not None
        for _ in range(20):
            await until(lambda: sender._pacer.backlog > 100_000)
            if await mean_delay_of_sound(call, 10) < 0.1:
                return
        raise AssertionError("the sound waits for the picture")


async def mean_delay_of_sound(call: Call, packets: int) -> float:
    """Seconds that the next packets wait before they are sent."""
    before = call.device.peer.counters().audio_sent
    await call.sink.seen(audio=len(call.sink.audio) + packets)
    after = call.device.peer.counters().audio_sent
    assert before is not None
    assert after is not None
    delay = after.send_delay_total - before.send_delay_total
    return delay / max(1, after.frames_sent - before.frames_sent)


async def test_paced_video_stream_with_a_slow_key_frame_asks_for_no_other(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A viewer that the shared encoder does not follow: what comes behind is dropped, and one asked
    for at the end.
    """
    subscribe = ClipFeed.subscribe

    async def slow(self: ClipFeed, shared: SharedBitrate) -> object:
        subscription = await subscribe(self, shared)
        subscription.limits = BitrateLimits(100_000, 100_000, 100_000)
        return subscription

    monkeypatch.setattr(ClipFeed, "subscribe", slow)
    burden = call.clip[0][:-1] + bytes(range(1, 256)) * 100
    call.feed = ClipFeed([burden, *call.clip[1:]])
    call.device = Side(LocalStream(call.feed), MediaGrant(shared_bitrate=SharedBitrate.IGNORE))
    async with closing(call.device, call.caller):
        await connect(call.caller, call.device)
        await until(lambda: call.sent().key_frames_sent == 1)
        # at connect, and now
        assert call.source.keyframe_requests == 2
        assert call.sent().frames_dropped > 10
        before = call.sent().frames_dropped
        await until(lambda: call.sent().frames_dropped > before + 10)
        assert call.source.keyframe_requests == 1 + call.sent().key_frames_sent


async def test_paced_video_stream_with_a_full_socket_drops_to_the_next_key_frame(
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


async def test_paced_video_stream_that_breaks_a_picture_off_never_lets_it_look_whole(
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


class Telling:
    """A viewer that tells of each packet that it arrived in time, in the place of ours, which says
    how late this machine was: it reads what leaves the device.
    """

    def __init__(self, call: Call) -> None:
        sender, inbound = call.device.peer._media._video_sender, call.caller.peer._media._video_in
        assert sender is not None
        assert inbound is not None
        inbound.tap._feedback = None
        self.numbers: list[int] = []
        self._call, self._adaptation = call, sender._adaptation
        numbered = sender._adaptation.numbered

        def note(number: int, sizes: Sequence[int]) -> None:
            numbered(number, sizes)
            self.numbers += [number + each for each in range(len(sizes))]
            # all arrive as they left, ten milliseconds later
            now = time.monotonic() + 0.01
            sender._adaptation.on_transport_feedback(number, [now] * len(sizes))

        self._adaptation.numbered = note  # type: ignore[method-assign]


async def test_paced_video_stream_numbers_all_that_leaves_one_after_the_other(
    call: Call,
) -> None:
    """Pictures and what is resent share them."""
    async with closing(call.device, call.caller):
        await call.connect()
        telling = Telling(call)
        await until(lambda: len(telling.numbers) > 50)
        await ask_again_for(call, 5)
        await until(lambda: call.sent().retransmitted_packets_sent == 5)
        first = telling.numbers[0]
        count = len(telling.numbers)
        assert telling.numbers == list(range(first, first + count))


async def test_paced_video_stream_probes_where_all_arrives(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the rate is up much sooner than it would grow; nobody takes the probe for a repair."""
    # no less than the clip takes, so that nothing of it waits
    limit_to(BitrateLimits(5_000_000, 250_000, 12_000_000), monkeypatch)
    async with closing(call.device, call.caller):
        await call.connect()
        sender = call.device.peer._media._video_sender
        assert sender is not None
        probes: list[Probe] = []
        start = sender._probe.start

        def started(probe: Probe, ended: Callable[[], None]) -> None:
            probes.append(probe)
            start(probe, ended)

        sender._probe.start = started  # type: ignore[method-assign]
        Telling(call)
        before = call.source.bitrates[0]
        await until(lambda: call.source.bitrates[-1] > 1.5 * before)
        assert probes[0].bitrate > 1.5 * before
        assert call.sent().retransmitted_packets_sent == 0


async def test_paced_video_stream_without_numbers_probes_nothing(call: Call) -> None:
    call.number_nothing()
    async with closing(call.device, call.caller):
        await call.connect()
        sender = call.device.peer._media._video_sender
        assert sender is not None
        await until(lambda: call.sent().packets_sent > 150)
        assert sender._adaptation.take_probe() is None
        assert sender._transport_number == 0
