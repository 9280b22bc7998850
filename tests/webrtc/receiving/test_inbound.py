"""Pictures and sound that arrive, handed to a sink."""

from __future__ import annotations

import pytest

from agent.core.call.events import MediaGrant
from agent.core.call.reasons import AudioDirection
from agent.core.statistics.counters import PlayoutCounters
from agent.errors import MediaUnavailable
from agent.h264 import annexb as h264
from agent.ports import AccessUnit, DecodedAudio, LocalStream, ReceivedAudio
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


class MemoryPlayout:
    def __init__(self) -> None:
        self.packets: list[ReceivedAudio] = []
        self.closed = False

    def put(self, packet: ReceivedAudio) -> None:
        self.packets.append(packet)

    @property
    def played(self) -> PlayoutCounters:
        return PlayoutCounters(total_samples_received=960 * len(self.packets), concealed_samples=7)

    def close(self) -> None:
        self.closed = True


class MemoryPlayback:
    def __init__(self, failure: MediaUnavailable | None = None) -> None:
        self.opened: list[MemoryPlayout] = []
        self._failure = failure

    def open(self) -> MemoryPlayout:
        if self._failure is not None:
            raise self._failure
        self.opened.append(MemoryPlayout())
        return self.opened[-1]


async def test_inbound_sound_is_played_undecoded_from_the_start_of_media_to_the_end(
    sound: list[bytes],
) -> None:
    playback, sink = MemoryPlayback(), MemorySink()
    device = Side(LocalStream(playback=playback))
    caller = Side(LocalStream(audio=SoundFeed(sound)), sink=sink)
    async with closing(device, caller):
        await connect(caller, device, media=False)
        caller.peer.start_media()

        def received() -> int:
            counters = device.peer.counters().audio_received
            return counters.packets_received if counters is not None else 0

        await until(lambda: received() >= 3)
        assert not playback.opened
        device.peer.start_media()
        device.peer.start_media()
        (playout,) = playback.opened
        await until(lambda: len(playout.packets) >= 10)
    assert playout.closed
    assert {packet.data for packet in playout.packets} <= set(sound)
    numbers = [packet.sequence_number for packet in playout.packets]
    assert numbers == sorted(numbers)
    first, second = playout.packets[:2]
    assert second.timestamp - first.timestamp == 960
    assert second.ssrc == first.ssrc
    counters = device.peer.counters().audio_received
    assert counters is not None
    assert counters.total_audio_energy is None, "nobody asked for it decoded"
    # the record is made of what it was to the end
    assert counters.total_samples_received == 960 * len(playout.packets)
    assert counters.concealed_samples == 7


async def test_inbound_sound_that_the_policy_keeps_out_is_not_played(sound: list[bytes]) -> None:
    playback = MemoryPlayback()
    device = Side(LocalStream(playback=playback), MediaGrant(audio=AudioDirection.SEND))
    caller = Side(LocalStream(audio=SoundFeed(sound)))
    async with closing(device, caller):
        await connect(caller, device)
    assert not playback.opened


async def test_inbound_sound_without_a_loudspeaker_costs_nobody_the_call(
    clip: list[bytes],
) -> None:
    playback, sink = MemoryPlayback(MediaUnavailable("no libopus")), MemorySink()
    device = Side(LocalStream(ClipFeed(clip), playback=playback))
    caller = Side(sink=sink)
    async with closing(device, caller):
        await connect(caller, device)
        await sink.seen(video=2)
