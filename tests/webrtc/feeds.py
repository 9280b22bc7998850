"""Fake media for loopback calls: a clip of real H.264, Opus that was really encoded, and sinks that
remember.
"""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction

import av

from agent.core.call.reasons import SharedBitrate
from agent.core.rate.encoder_demand import EncoderDemand
from agent.errors import MediaEnded, MediaUnavailable
from agent.ports import AccessUnit, AudioPacket, BitrateLimits, DecodedAudio, VideoFormat
from tests.waiting import PATIENCE

FRAME_INTERVAL = 0.02  # seconds
PACKET_INTERVAL = 0.02


def encode_clip(
    width: int = 320, height: int = 240, frames: int = 30, gop: int = 10
) -> list[bytes]:
    """Access units of a moving picture, Constrained Baseline, a key frame every `gop`."""
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.framerate, codec.time_base = Fraction(50), Fraction(1, 50)
    codec.options = {
        "tune": "zerolatency",
        "preset": "ultrafast",
        "g": str(gop),
        "keyint_min": str(gop),
        "level": "31",
    }
    codec.profile = "Baseline"
    units = []
    for number in range(frames):
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes((number * 7 + at * 3) & 0xFF for at in range(plane.buffer_size)))
        frame.pts = number
        units += [bytes(packet) for packet in codec.encode(frame)]
    return units


def encode_sound(packets: int = 50) -> list[bytes]:
    """Opus packets of 20 ms: a loud square wave."""
    codec = av.CodecContext.create("libopus", "w")
    assert isinstance(codec, av.AudioCodecContext)
    codec.format, codec.layout, codec.sample_rate = "s16", "stereo", 48_000
    encoded: list[bytes] = []
    for number in range(packets + 2):
        frame = av.AudioFrame("s16", "stereo", 960)
        frame.planes[0].update(
            b"".join(
                (8000 if at // 48 % 2 else -8000).to_bytes(2, "little", signed=True) * 2
                for at in range(960)
            )
        )
        frame.pts, frame.sample_rate, frame.time_base = number * 960, 48_000, Fraction(1, 48_000)
        encoded += [bytes(packet) for packet in codec.encode(frame)]
    return encoded[:packets]


class ClipSubscription:
    """Plays a clip in a loop. A requested key frame starts the clip anew with the next unit."""

    def __init__(self, clip: list[bytes], gop: int, interval: float, profile_level_id: str) -> None:
        self.format = VideoFormat(320, 240, 1 / interval, profile_level_id)
        self.limits = BitrateLimits()
        self.bitrates: list[int] = []
        self.dropped = 0
        self.keyframe_requests = 0
        self.units_read = 0
        self.closed = asyncio.Event()
        self.failure: Exception | None = None
        self._clip, self._gop, self._interval = clip, gop, interval
        self._number = self._position = 0
        self._next_at = time.monotonic()

    async def next(self) -> AccessUnit:
        self._next_at += self._interval
        await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
        if self.closed.is_set():
            raise MediaEnded("closed")
        if self.failure is not None:
            raise self.failure
        data = self._clip[self._position]
        unit = AccessUnit(
            data, self._position % self._gop == 0, self._number * 1800, time.monotonic()
        )
        self._position = (self._position + 1) % len(self._clip)
        self._number += 1
        self.units_read += 1
        return unit

    async def skip(self) -> AccessUnit:
        return await self.next()

    def request_keyframe(self) -> None:
        self.keyframe_requests += 1
        self._position = 0

    def set_demand(self, demand: EncoderDemand | None) -> None:
        self.bitrates.append(demand.sent_bitrate if demand is not None else 0)

    def close(self) -> None:
        self.closed.set()


class ClipFeed:
    """A VideoFeed that remembers its subscriptions."""

    def __init__(
        self,
        clip: list[bytes],
        gop: int = 10,
        interval: float = FRAME_INTERVAL,
        profile_level_id: str = "42c00d",
    ) -> None:
        self.subscriptions: list[ClipSubscription] = []
        self._arguments = (clip, gop, interval, profile_level_id)

    async def subscribe(self, _shared: SharedBitrate = SharedBitrate.FOLLOW) -> ClipSubscription:
        self.subscriptions.append(ClipSubscription(*self._arguments))
        return self.subscriptions[-1]


class SlowFeed(ClipFeed):
    """A camera that takes its time: `subscribe` waits for `opened`."""

    def __init__(self, clip: list[bytes]) -> None:
        super().__init__(clip)
        self.opening, self.opened = asyncio.Event(), asyncio.Event()

    async def subscribe(self, _shared: SharedBitrate = SharedBitrate.FOLLOW) -> ClipSubscription:
        self.opening.set()
        await self.opened.wait()
        return await super().subscribe(_shared)


class BrokenFeed:
    """A camera that cannot be opened."""

    async def subscribe(self, _shared: SharedBitrate = SharedBitrate.FOLLOW) -> ClipSubscription:
        raise MediaUnavailable("the camera is busy")


class SoundSubscription:
    def __init__(self, packets: list[bytes], *, muted: bool = False) -> None:
        self.closed = asyncio.Event()
        self.expected_losses: list[float] = []
        self.muted = muted
        self._packets = packets
        self._number = 0
        self._next_at = time.monotonic()

    def expect_loss(self, fraction: float) -> None:
        self.expected_losses.append(fraction)

    def mute(self, muted: bool) -> None:
        self.muted = muted

    async def next(self) -> AudioPacket:
        self._next_at += PACKET_INTERVAL
        await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
        if self.closed.is_set():
            raise MediaEnded("closed")
        number, self._number = self._number, self._number + 1
        return AudioPacket(
            self._packets[number % len(self._packets)], number * 960, time.monotonic()
        )

    def close(self) -> None:
        self.closed.set()


class SoundFeed:
    present = True

    def __init__(self, packets: list[bytes]) -> None:
        self.subscriptions: list[SoundSubscription] = []
        self._packets = packets

    async def subscribe(self, *, muted: bool = False) -> SoundSubscription:
        self.subscriptions.append(SoundSubscription(self._packets, muted=muted))
        return self.subscriptions[-1]


class MemorySink:
    """Keeps what arrived; `seen(...)` waits for a number of units."""

    def __init__(self) -> None:
        self.video: list[AccessUnit] = []
        self.audio: list[DecodedAudio] = []
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self.wants_audio = True

    def on_video(self, unit: AccessUnit) -> None:
        self.video.append(unit)
        self._wake()

    def on_audio(self, audio: DecodedAudio) -> None:
        self.audio.append(audio)
        self._wake()

    async def seen(self, video: int = 0, audio: int = 0) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((video, audio, waiter))
        self._wake()
        async with asyncio.timeout(PATIENCE):
            await waiter

    def _wake(self) -> None:
        for video, audio, waiter in self._waiters:
            if len(self.video) >= video and len(self.audio) >= audio and not waiter.done():
                waiter.set_result(None)
