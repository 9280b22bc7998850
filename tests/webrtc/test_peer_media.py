"""Media through two peers of ours: nothing is re-encoded, nothing leaves before the gate opens."""

from __future__ import annotations

import pytest

from agent.core.call.events import FirstFrameSeen, IceConnected, PeerConnected, TrackReceived
from agent.h264 import annexb as h264
from agent.ports import LocalStream
from tests.webrtc.feeds import ClipFeed, MemorySink, SoundFeed
from tests.webrtc.offers import BROWSER_OFFER
from tests.webrtc.pairs import Side, closing, connect

pytestmark = pytest.mark.media


async def test_peer_media_video_and_sound_pass_both_ways_unchanged(
    clip: list[bytes], sound: list[bytes]
) -> None:
    sinks = MemorySink(), MemorySink()
    caller, callee = (
        Side(LocalStream(ClipFeed(clip), SoundFeed(sound)), sink=sink) for sink in sinks
    )
    async with closing(caller, callee):
        await connect(caller, callee)
        for sink in sinks:
            await sink.seen(video=15, audio=10)
        for side in (caller, callee):
            await side.event(FirstFrameSeen)
    nal_units = [list(h264.nal_units(unit)) for unit in clip]
    for sink in sinks:
        assert sink.video[0].keyframe
        start = nal_units.index(list(h264.nal_units(sink.video[0].data)))
        arrived = [list(h264.nal_units(unit.data)) for unit in sink.video]
        assert arrived[:15] == (nal_units * 3)[start : start + 15]
        assert sink.audio[0].channels == 2
        assert len(sink.audio[0].samples) == 960 * 2 * 2
    for side in (caller, callee):
        kinds = [type(event) for event in side.events]
        assert kinds.index(IceConnected) < kinds.index(PeerConnected) < kinds.index(FirstFrameSeen)
        assert {(e.kind, e.codec) for e in side.of(TrackReceived)} == {
            ("video", "H264"),
            ("audio", "opus"),
        }
        assert len(side.of(TrackReceived)) == 2


@pytest.mark.parametrize("line", ["b=AS:300", "b=TIAS:300000"])
async def test_peer_media_video_keeps_to_the_bandwidth_of_the_offer(
    line: str, clip: list[bytes]
) -> None:
    offer = BROWSER_OFFER.replace("a=mid:1", f"{line}\r\na=mid:1")
    device = Side(LocalStream(ClipFeed(clip)))
    async with closing(device):
        await device.peer.create_answer(offer)
        sent = device.peer.counters().video_sent
        assert sent is not None
        assert sent.target_bitrate == 300_000


async def test_peer_media_video_keeps_to_the_bandwidth_of_the_answer(clip: list[bytes]) -> None:
    device, callee = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(device, callee):
        answer = await callee.peer.create_answer(await device.peer.create_offer())
        section = answer.index("m=video")
        at = answer.index("a=mid:", section)
        await device.peer.apply_answer(f"{answer[:at]}b=TIAS:300000\r\n{answer[at:]}")
        sent = device.peer.counters().video_sent
        assert sent is not None
        assert sent.target_bitrate == 300_000
