"""From capture to the receiver's picture, read from the time strip in the picture itself."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from agent.media.pattern.timecode import read_strip, strip_age
from tests.bench.figures import Figure, spread
from tests.bench.scene import Caller, Scene
from tests.e2e.browser import calling, chromium
from tests.e2e.device import UID

TARGET = 100.0  # ms
# seconds at the start of a call that do not count
WARM_UP = 2.0


async def measure_in_chromium(scene: Scene) -> list[Figure]:
    """Encoder, network, jitter buffer, decoder, up to the moment when the page may draw the
    picture.
    """
    async with scene.device(), chromium() as browser, calling(browser, scene.mosquitto) as caller:
        await caller.invite()
        await caller.until("caller.seen.frames > 0")
        await asyncio.sleep(WARM_UP)
        early = len(await caller.ages())
        await asyncio.sleep(scene.count(20, 5))
        ages = (await caller.ages())[early:]
        shares = shares_of(scene, (await caller.statistics("inbound-rtp"))["video"])
        await caller.hang_up()
    details = {**spread(ages), "meanOf": shares}
    return [Figure("latency in Chromium, 720p30", statistics.median(ages), "ms", TARGET, details)]


def shares_of(scene: Scene, received: dict[str, Any]) -> dict[str, float]:
    """Milliseconds that parts of the way take on average, by the device's own statistics and by
    Chromium's.
    """
    bodies = [
        message.body
        for message in scene.watcher.messages
        if message.name == f"{UID}/events/local_stats"
    ]
    delays = [body["video"]["sendDelay"] for body in bodies if "sendDelay" in body.get("video", {})]
    frames = received["framesDecoded"]
    return {
        "captureToSend": round(statistics.mean(delays), 1) if delays else 0.0,
        "jitterBuffer": round(
            received["jitterBufferDelay"] / received["jitterBufferEmittedCount"] * 1000, 1
        ),
        "decode": round(received["totalDecodeTime"] / frames * 1000, 1),
        "firstPacketToDecoded": round(received["totalProcessingDelay"] / frames * 1000, 1),
    }


async def measure_in_aiortc(scene: Scene) -> list[Figure]:
    """The same with plain aiortc as the receiver, up to the decoded picture."""
    async with scene.device(), Caller.connected(scene.mosquitto) as caller:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        video = pc.addTransceiver("video", direction="recvonly")
        known = RTCRtpReceiver.getCapabilities("video")
        assert known is not None
        video.setCodecPreferences(
            [codec for codec in known.codecs if codec.mimeType in ("video/H264", "video/rtx")]
        )
        await pc.setLocalDescription(await pc.createOffer())
        exchange = await caller.invite("bench", pc.localDescription.sdp)
        answer = RTCSessionDescription((await exchange.answered)["sdp"], "answer")
        await pc.setRemoteDescription(answer)
        ages = await collect_ages(video.receiver.track, WARM_UP + scene.count(20, 5))
        caller.hang_up(exchange)
        await pc.close()
    return [
        Figure(
            "latency in aiortc with PyAV, 720p30",
            statistics.median(ages),
            "ms",
            TARGET,
            spread(ages),
        )
    ]


async def collect_ages(track: MediaStreamTrack, seconds: float) -> list[float]:
    """Milliseconds from capture to decoded picture, for `seconds`, those of the warm-up left
    out.
    """
    ages: list[float] = []
    started = time.monotonic()
    while (elapsed := time.monotonic() - started) < seconds:
        try:
            frame: Any = await track.recv()
        except MediaStreamError:
            break
        captured = _strip_of(frame)
        if captured is not None and elapsed > WARM_UP:
            ages.append(strip_age(captured, time.time_ns() // 1_000_000))
    return ages


def _strip_of(frame: av.VideoFrame) -> int | None:
    luma = frame.planes[0]
    return read_strip(memoryview(luma), luma.line_size, frame.width)
