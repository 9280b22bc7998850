"""A view goes one way (PROTOCOL 3): what is negotiated, and what becomes of media that comes all
the same.
"""

from __future__ import annotations

import re

import pytest

from agent.core.call.events import MediaGrant, TrackReceived
from agent.ports import LocalStream
from tests.webrtc.feeds import ClipFeed, MemorySink, SoundFeed
from tests.webrtc.pairs import Side, closing, connect, until

pytestmark = pytest.mark.media

LOOKS, LOOKED_AT = MediaGrant(sends=False), MediaGrant(receives=False)


def directions(description: str) -> list[str]:
    return re.findall(r"^a=(sendrecv|sendonly|recvonly|inactive)\r?$", description, re.MULTILINE)


async def test_view_receives_picture_and_sound_and_sends_nothing(
    clip: list[bytes], sound: list[bytes]
) -> None:
    sink, device_sink = MemorySink(), MemorySink()
    feeds = [ClipFeed(clip), ClipFeed(clip)]
    viewer = Side(LocalStream(feeds[0], SoundFeed(sound)), LOOKS, sink=sink)
    device = Side(LocalStream(feeds[1], SoundFeed(sound)), LOOKED_AT, sink=device_sink)
    async with closing(viewer, device):
        await connect(viewer, device)
        await sink.seen(video=15, audio=10)
        offer = viewer.peer._pc.localDescription.sdp
        answer = device.peer._pc.localDescription.sdp
        assert directions(offer) == ["recvonly", "recvonly"]
        assert directions(answer) == ["sendonly", "sendonly"]
        assert viewer.peer.counters().video_sent is None
        assert (device_sink.video, device_sink.audio) == ([], [])


async def test_view_that_sends_media_all_the_same_is_not_heard(
    clip: list[bytes], sound: list[bytes]
) -> None:
    """A stranger that offers both ways, and takes no notice of the answer."""
    sink, device_sink = MemorySink(), MemorySink()
    stranger = Side(LocalStream(ClipFeed(clip), SoundFeed(sound)), sink=sink)
    device = Side(LocalStream(ClipFeed(clip), SoundFeed(sound)), LOOKED_AT, sink=device_sink)
    async with closing(stranger, device):
        answer = await device.peer.create_answer(await stranger.peer.create_offer())
        assert directions(answer) == ["sendonly", "sendonly"]
        await stranger.peer.apply_answer(answer.replace("a=sendonly", "a=sendrecv"))
        for side in (stranger, device):
            side.peer.start_media()
        await sink.seen(video=15, audio=10)

        def sent() -> int:
            counters = stranger.peer.counters()
            video, audio = counters.video_sent, counters.audio_sent
            assert video is not None
            assert audio is not None
            return min(video.packets_sent, audio.packets_sent)

        await until(lambda: sent() > 50)
        assert (device_sink.video, device_sink.audio) == ([], [])
        assert device.of(TrackReceived) == []


async def test_view_becomes_a_talk_over_a_second_transport(
    clip: list[bytes], sound: list[bytes]
) -> None:
    device_sink = MemorySink()
    feed = ClipFeed(clip)
    looks = Side(grant=LOOKS), Side(LocalStream(feed), LOOKED_AT)
    talks = (
        Side(LocalStream(audio=SoundFeed(sound)), generation=1),
        Side(LocalStream(feed), generation=1, sink=device_sink),
    )
    async with closing(*looks, *talks):
        await connect(*looks)
        await connect(*talks)
        await device_sink.seen(audio=10)
        assert {event.kind for event in talks[1].of(TrackReceived)} == {"audio"}
