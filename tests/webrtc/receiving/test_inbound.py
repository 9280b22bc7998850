"""Pictures and sound that arrive, handed to a sink."""

from __future__ import annotations

import pytest

from agent.h264 import annexb as h264
from agent.ports import AccessUnit, DecodedAudio, LocalStream
from tests.webrtc.feeds import ClipFeed, MemorySink, SoundFeed
from tests.webrtc.pairs import Side, closing, connect, until

pytestmark = pytest.mark.media


async def test_inbound_with_a_sink_that_fails_costs_nobody_the_call(
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


async def test_inbound_video_that_starts_without_a_key_frame_asks_for_one(
    clip: list[bytes],
) -> None:
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
