"""The camera at work: what `callbox doctor --camera` measures."""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from agent.core.rate.encoder_demand import EncoderDemand
from agent.doctor.system_check import temperature, throttled
from agent.media.base.video_source import VideoOptions
from agent.media.jpeg import MAX_SNAPSHOT_SIZE, Jpeg
from agent.media.keyframe_limiter import MIN_INTERVAL
from agent.media.video_hub import VideoHub
from agent.ports import AccessUnit, VideoFormat, VideoSubscription
from agent.service.memory import resident_memory

SHORTEST = 6.0  # seconds
_PICTURE_TIMEOUT = 15.0
_KEYFRAMES = 5
_PICTURES_UNTIL_KEYFRAME = 60
# seconds after a new bitrate before it is measured
_SETTLE = 1.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Flow:
    """What came in one stretch of time. Latencies, from the capture to us, and `longest_gap` in
    seconds.
    """

    framerate: float
    bitrate: int
    latency: float
    latency_95: float
    longest_gap: float


@dataclass(frozen=True, slots=True)
class BitrateStep:
    """Bit/s."""

    asked: int
    sent: int


@dataclass(frozen=True, slots=True)
class KeyframeDelay:
    """From the request to the IDR; `seconds` is None where none came."""

    seconds: float | None
    pictures: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """`cpu` is in cores: 0.5 is half of one. `memory` in bytes, times in seconds, temperatures in
    degrees Celsius.
    """

    camera: str
    encoder: str
    video: VideoFormat
    first_picture: float
    steady: Flow
    cpu: float
    memory: int | None
    bitrate_steps: tuple[BitrateStep, ...]
    keyframes: tuple[KeyframeDelay, ...]
    snapshot: Jpeg
    snapshot_time: float
    dropped: int
    temperature_before: float | None
    temperature_after: float | None
    throttling: list[str] | None


async def measure_camera(
    hub: VideoHub, options: VideoOptions, seconds: float, progress: Progress
) -> Measurement:
    """Takes about `seconds`, and the time to open. Raises MediaError."""
    share = max(seconds, SHORTEST) / 10
    cooler = temperature()
    progress("opening the camera")
    started_at = time.monotonic()
    subscription = await hub.subscribe()
    try:
        await _next(subscription)
        first_picture = time.monotonic() - started_at
        progress(f"measuring the rate for {4 * share:.0f} s")
        cpu_before, wall_before = _cpu_seconds(), time.monotonic()
        steady = _flow(await _during(subscription, 4 * share))
        cpu = (_cpu_seconds() - cpu_before) / (time.monotonic() - wall_before)
        progress("asking for key frames")
        keyframes = tuple([await _time_keyframe(subscription) for _ in range(_KEYFRAMES)])
        steps = tuple(
            [await _step(subscription, asked, share, progress) for asked in _bitrates(options)]
        )
        progress("taking a snapshot")
        snapshot, snapshot_time = await _time_snapshot(hub, subscription)
        described = hub.describe()
        return Measurement(
            camera=described.camera,
            encoder=described.encoder,
            video=subscription.format,
            first_picture=first_picture,
            steady=steady,
            cpu=cpu,
            memory=resident_memory(),
            bitrate_steps=steps,
            keyframes=keyframes,
            snapshot=snapshot,
            snapshot_time=snapshot_time,
            dropped=subscription.dropped,
            temperature_before=cooler,
            temperature_after=temperature(),
            throttling=throttled(),
        )
    finally:
        subscription.close()


async def _next(subscription: VideoSubscription) -> AccessUnit:
    async with asyncio.timeout(_PICTURE_TIMEOUT):
        return await subscription.next()


async def _during(
    subscription: VideoSubscription, seconds: float
) -> list[tuple[AccessUnit, float]]:
    """What comes in so many seconds, each with the moment it came."""
    units = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        units.append((await _next(subscription), time.monotonic()))
    return units


def _flow(units: list[tuple[AccessUnit, float]]) -> Flow:
    moments = [unit.captured_at for unit, _ in units]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    delays = sorted(arrived_at - unit.captured_at for unit, arrived_at in units)
    length = max(moments[-1] - moments[0], 1e-3)
    return Flow(
        framerate=len(gaps) / length,
        bitrate=round(sum(len(unit.data) for unit, _ in units[1:]) * 8 / length),
        latency=statistics.fmean(delays),
        latency_95=delays[int(len(delays) * 0.95)],
        longest_gap=max(gaps, default=0.0),
    )


async def _time_keyframe(subscription: VideoSubscription) -> KeyframeDelay:
    # the hub's own limit is not what is measured
    await _during(subscription, MIN_INTERVAL)
    asked_at = time.monotonic()
    subscription.request_keyframe()
    for pictures in range(1, _PICTURES_UNTIL_KEYFRAME + 1):
        if (await _next(subscription)).keyframe:
            return KeyframeDelay(time.monotonic() - asked_at, pictures)
    return KeyframeDelay(None, _PICTURES_UNTIL_KEYFRAME)


def _bitrates(options: VideoOptions) -> tuple[int, ...]:
    """Down, down, and up again, in bit/s."""
    return options.bitrate // 2, max(options.min_bitrate, options.bitrate // 4), options.bitrate


async def _step(
    subscription: VideoSubscription, asked: int, share: float, progress: Progress
) -> BitrateStep:
    progress(f"asking for {asked / 1000:.0f} kbit/s")
    subscription.set_demand(EncoderDemand(asked))
    await _during(subscription, min(_SETTLE, share / 2))
    return BitrateStep(asked, _flow(await _during(subscription, max(share, 1.0))).bitrate)


async def _time_snapshot(hub: VideoHub, subscription: VideoSubscription) -> tuple[Jpeg, float]:
    """The video is read on meanwhile, as in a call."""
    reading = asyncio.create_task(_during(subscription, _PICTURE_TIMEOUT))
    started_at = time.monotonic()
    try:
        return await hub.snapshot(MAX_SNAPSHOT_SIZE), time.monotonic() - started_at
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
