"""The gate, mute and broken sources."""

from __future__ import annotations

import asyncio

import pytest

from agent.core.call.events import (
    FirstFrameSeen,
    PeerFailed,
)
from agent.core.call.reasons import CloseReason
from agent.core.rate.receiver_report import ReceiverReport
from agent.errors import MediaUnavailable
from agent.ports import AccessUnit, LocalStream
from agent.webrtc.sending.outbound import MAX_KEPT, OutboundAudio, OutboundVideo
from tests.webrtc.feeds import ClipFeed, ClipSubscription, MemorySink, SoundFeed, SoundSubscription
from tests.webrtc.offers import BROWSER_OFFER
from tests.webrtc.pairs import Side, closing, connect, until

pytestmark = pytest.mark.media


async def test_outbound_before_the_gate_opens_lets_nothing_leave(
    clip: list[bytes], sound: list[bytes]
) -> None:
    sink = MemorySink()
    feed = ClipFeed(clip)
    device, caller = Side(LocalStream(feed, SoundFeed(sound))), Side(sink=sink)
    async with closing(device, caller):
        await connect(caller, device, media=False)
        source = feed.subscriptions[0]
        read = source.units_read
        await until(lambda: source.units_read > read + 10)
        counters = device.peer.counters()
        assert counters.video_sent is not None
        assert counters.audio_sent is not None
        assert (counters.video_sent.packets_sent, counters.audio_sent.packets_sent) == (0, 0)
        assert not device.of(FirstFrameSeen)
        assert source.keyframe_requests == 0
        device.peer.start_media()
        await sink.seen(video=1, audio=1)
        assert source.keyframe_requests == 1
        assert sink.video[0].keyframe


async def test_outbound_that_was_muted_resumes_at_a_key_frame(
    clip: list[bytes], sound: list[bytes]
) -> None:
    sink = MemorySink()
    feed = ClipFeed(clip)
    device, caller = Side(LocalStream(feed, SoundFeed(sound))), Side(sink=sink)
    async with closing(device, caller):
        await connect(caller, device)
        await sink.seen(video=3)
        source = feed.subscriptions[0]
        device.peer.mute(video=True)
        sent = device.peer.counters().video_sent
        # sound of half a second: what was on its way has arrived by then
        await sink.seen(audio=len(sink.audio) + 25)
        assert sent is not None
        muted = device.peer.counters().video_sent
        assert muted is not None
        # a picture that has begun to leave is not broken off
        assert muted.frames_sent <= sent.frames_sent + 1
        asked, arrived = source.keyframe_requests, len(sink.video)
        device.peer.mute(video=False, audio=True)
        assert source.keyframe_requests == asked + 1
        await sink.seen(video=arrived + 3)
        assert any(unit.keyframe for unit in sink.video[arrived - 1 : arrived + 2])
        quiet = device.peer.counters().audio_sent
        await sink.seen(video=len(sink.video) + 5)
        assert quiet is not None
        later = device.peer.counters().audio_sent
        assert later is not None
        assert later.frames_sent == quiet.frames_sent


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_outbound_that_was_muted_before_the_media_stays_muted(
    kind: str, clip: list[bytes], sound: list[bytes]
) -> None:
    """As after a renewal in a call: the new connection is told before it has a source."""
    sink, microphone = MemorySink(), SoundFeed(sound)
    device, caller = Side(LocalStream(ClipFeed(clip), microphone)), Side(sink=sink)
    async with closing(device, caller):
        device.peer.mute(**{kind: True})
        await connect(caller, device)
        assert [each.muted for each in microphone.subscriptions] == [kind == "audio"]
        await (sink.seen(video=5) if kind == "audio" else sink.seen(audio=5))
        assert (sink.audio if kind == "audio" else sink.video) == []
        device.peer.mute(**{kind: False})
        assert not microphone.subscriptions[0].muted
        await sink.seen(video=1, audio=1)


def frames_sent(side: Side) -> list[int | None]:
    counters = side.peer.counters()
    sent = (counters.video_sent, counters.audio_sent)
    return [each.frames_sent for each in sent if each is not None]


async def test_outbound_that_was_paused_sends_nothing_and_starts_at_a_key_frame(
    clip: list[bytes], sound: list[bytes]
) -> None:
    sink, feed, sounds = MemorySink(), ClipFeed(clip), SoundFeed(sound)
    device, caller = Side(LocalStream(feed, sounds)), Side(sink=sink)
    async with closing(device, caller):
        await connect(caller, device)
        await sink.seen(video=3, audio=1)
        source = feed.subscriptions[0]
        device.peer.pause_media()
        # nothing is asked of an encoder that others share
        assert source.bitrates[-1] == 0
        read = source.units_read
        await until(lambda: source.units_read > read + 3)
        before = frames_sent(device)
        await until(lambda: source.units_read > read + 15)
        assert frames_sent(device) == before
        asked, arrived = source.keyframe_requests, len(sink.video)
        device.peer.start_media()
        assert source.bitrates[-1] > 0
        assert source.keyframe_requests == asked + 1
        await sink.seen(video=arrived + 3)
        assert any(unit.keyframe for unit in sink.video[arrived - 1 : arrived + 2])


async def test_outbound_of_a_camera_that_breaks_ends_the_call(clip: list[bytes]) -> None:
    feed = ClipFeed(clip)
    device, caller = Side(LocalStream(feed)), Side()
    async with closing(device, caller):
        await connect(caller, device)
        await device.event(FirstFrameSeen)
        feed.subscriptions[0].failure = MediaUnavailable("unplugged")
        failed = await device.event(PeerFailed)
    assert (failed.code, failed.reason) == ("no_user_media", CloseReason.NO_USER_MEDIA)
    assert "unplugged" in failed.message


async def test_outbound_of_a_camera_that_breaks_in_set_up_ends_the_call(clip: list[bytes]) -> None:
    feed = ClipFeed(clip)
    device = Side(LocalStream(feed))
    async with closing(device):
        await device.peer.create_answer(BROWSER_OFFER)
        feed.subscriptions[0].failure = RuntimeError("a bug")
        assert (await device.event(PeerFailed)).reason is CloseReason.NO_USER_MEDIA


async def test_outbound_of_sound_that_breaks_leaves_the_picture(
    clip: list[bytes], sound: list[bytes]
) -> None:
    sink = MemorySink()
    sounds = SoundFeed(sound)
    device, caller = Side(LocalStream(ClipFeed(clip), sounds)), Side(sink=sink)
    async with closing(device, caller):
        await connect(caller, device)
        await sink.seen(audio=1)
        sounds.subscriptions[0].close()
        await sink.seen(video=len(sink.video) + 10)
    assert not device.of(PeerFailed)


async def test_outbound_sound_that_is_lost_is_told_to_its_source(sound: list[bytes]) -> None:
    subscription = SoundSubscription(sound)
    outbound = OutboundAudio(subscription, lambda _kind, _error: None)
    for loss in (0.0, 0.2, 0.0, 0.1, 0.3):
        outbound.on_receiver_report(ReceiverReport(loss, None, 0.0, 1, 0))
    assert subscription.expected_losses == pytest.approx([0.2, 0.16, 0.128, 0.3])
    for _ in range(30):
        outbound.on_receiver_report(ReceiverReport(0.0, None, 0.0, 1, 0))
    assert subscription.expected_losses[-1] == 0.0
    told = len(subscription.expected_losses)
    await outbound.close()
    outbound.on_receiver_report(ReceiverReport(0.5, None, 0.0, 1, 0))
    assert len(subscription.expected_losses) == told


class Camera(ClipSubscription):
    """Pictures when the test says so."""

    def __init__(self) -> None:
        super().__init__([b""], 1, 0.02, "42c00d")
        self.pictures: asyncio.Queue[AccessUnit] = asyncio.Queue()
        self.made = list[AccessUnit]()

    async def next(self) -> AccessUnit:
        return await self.pictures.get()

    async def make(self, *kinds: str) -> None:
        """`k` for a key frame, `p` for another picture; once each was taken."""
        for kind in kinds:
            number = len(self.made)
            self.made.append(AccessUnit(b"", kind == "k", number * 3000, 0.0))
            self.pictures.put_nowait(self.made[-1])
        for _ in range(2 * len(kinds) + 2):
            await asyncio.sleep(0)


@pytest.fixture
def camera() -> Camera:
    return Camera()


def outbound_of(camera: Camera) -> OutboundVideo:
    return OutboundVideo(camera, lambda _kind, _error: None, lambda: None)


async def test_outbound_has_a_key_frame_ready_for_a_transport_that_is_nearly_there(
    camera: Camera,
) -> None:
    video = outbound_of(camera)
    video.open()
    await camera.make("p", "k", "p")
    assert camera.keyframe_requests == 0, "the path may take for ever"
    video.prepare()
    video.prepare()
    assert camera.keyframe_requests == 1
    await camera.make("p", "k", "p")
    found = [await video.next() for _ in range(2)]
    await camera.make("p")
    assert [*found, await video.next()] == camera.made[4:]
    assert camera.keyframe_requests == 1
    await video.close()


async def test_outbound_waits_for_the_key_frame_that_was_asked_for(camera: Camera) -> None:
    video = outbound_of(camera)
    video.open()
    video.prepare()
    await camera.make("p")
    reading = asyncio.create_task(video.next())
    await camera.make("p", "k")
    assert await reading is camera.made[2]
    assert camera.keyframe_requests == 1
    await video.close()


async def test_outbound_asks_once_more_where_the_transport_takes_long(camera: Camera) -> None:
    """What waited that long is of no use in a call."""
    video = outbound_of(camera)
    video.open()
    video.prepare()
    await camera.make("k", *"p" * MAX_KEPT)
    reading = asyncio.create_task(video.next())
    await camera.make("p", "k")
    assert await reading is camera.made[-1]
    assert camera.keyframe_requests == 2
    await video.close()


@pytest.mark.parametrize("gate", ["closed", "muted"])
async def test_outbound_prepares_nothing_that_may_not_leave(camera: Camera, gate: str) -> None:
    video = outbound_of(camera)
    if gate == "muted":
        video.open()
        video.mute(True)
    video.prepare()
    assert camera.keyframe_requests == 0
    await video.close()


async def test_outbound_that_is_muted_once_it_was_prepared_starts_at_a_key_frame(
    camera: Camera,
) -> None:
    video = outbound_of(camera)
    video.open()
    video.prepare()
    await camera.make("k", "p")
    video.mute(True)
    reading = asyncio.create_task(video.next())
    await camera.make("p")
    video.mute(False)
    assert camera.keyframe_requests == 2
    await camera.make("p", "k")
    assert await reading is camera.made[-1]
    await video.close()
