"""Chromium as the remote peer: it decodes what we pass through, and reports on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent.core.call.events import IceCandidate, PeerConnected, TrackReceived
from agent.ports import IceOptions, LocalStream
from tests.parts import require_part
from tests.waiting import PATIENCE
from tests.webrtc.feeds import ClipFeed, MemorySink, SoundFeed
from tests.webrtc.pairs import Side, closing, until

playwright = pytest.importorskip("playwright.async_api")
pytestmark = [pytest.mark.browser, pytest.mark.media]

# a secure context: it may use the camera
PAGE = "http://localhost/"

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--allow-loopback-in-peer-connection",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]

OFFER = """async ([camera, buffer]) => {
  const pc = window.pc = new RTCPeerConnection();
  window.candidates = [];
  pc.onicecandidate = (event) => window.candidates.push(event.candidate ? event.candidate.toJSON() : null);
  const video = document.body.appendChild(document.createElement('video'));
  video.muted = true; video.autoplay = true;
  pc.ontrack = (event) => { if (event.track.kind === 'video') video.srcObject = new MediaStream([event.track]); };
  window.video = video;
  window.channel = pc.createDataChannel('callbox');
  window.texts = [];
  window.channel.onmessage = (event) => window.texts.push(event.data);
  if (camera) {
    const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 320, height: 240}});
    stream.getTracks().forEach((track) => pc.addTrack(track, stream));
    const h264 = RTCRtpReceiver.getCapabilities('video').codecs.filter((codec) => /H264|rtx/.test(codec.mimeType));
    pc.getTransceivers().filter((t) => t.sender.track.kind === 'video').forEach((t) => t.setCodecPreferences(h264));
  } else {
    pc.addTransceiver('audio', {direction: 'recvonly'});
    pc.addTransceiver('video', {direction: 'recvonly'});
  }
  pc.getReceivers().filter(({track}) => track.kind === 'video').forEach((r) => r.jitterBufferTarget = buffer);
  await pc.setLocalDescription();
  return pc.localDescription.sdp;
}"""

STATS = """async () => {
  const reports = [...(await window.pc.getStats()).values()];
  const find = (kind) => reports.find((report) => report.type === 'inbound-rtp' && report.kind === kind) || {};
  return {video: find('video'), audio: find('audio')};
}"""


@pytest.fixture
async def page() -> AsyncIterator[Any]:
    executable = require_part("chromium")
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=executable, args=FLAGS)
        context = await browser.new_context()
        context.set_default_timeout(PATIENCE * 1000)
        yield await context.new_page()
        await browser.close()


async def call(page: Any, side: Side, *, camera: bool, buffer: int | None = None) -> None:
    """`buffer`: how many milliseconds the page wants pictures to wait."""
    await page.route(
        PAGE, lambda route: route.fulfill(body="<html></html>", content_type="text/html")
    )
    await page.goto(PAGE)
    offer = await page.evaluate(OFFER, [camera, buffer])
    answer = await side.peer.create_answer(offer)
    await page.evaluate("sdp => window.pc.setRemoteDescription({type: 'answer', sdp})", answer)
    await page.wait_for_function("window.candidates.includes(null)")
    for candidate in await page.evaluate("window.candidates"):
        await side.peer.add_candidate(
            IceCandidate(candidate["candidate"], candidate["sdpMid"], candidate["sdpMLineIndex"])
            if candidate
            else None
        )
    await side.event(PeerConnected)
    side.peer.start_media()


async def test_chromium_decodes_our_video_and_sound(
    page: Any, clip: list[bytes], sound: list[bytes]
) -> None:
    side = Side(
        LocalStream(ClipFeed(clip), SoundFeed(sound)), ice=IceOptions(host_addresses=("127.0.0.1",))
    )
    async with closing(side):
        await call(page, side, camera=False)
        stats: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE):
            while stats.get("video", {}).get("framesDecoded", 0) < 30 or not stats["audio"].get(
                "packetsReceived"
            ):
                stats = await page.evaluate(STATS)
        assert (stats["video"]["frameWidth"], stats["video"]["frameHeight"]) == (320, 240)
        assert stats["video"]["packetsLost"] == 0
        assert stats["audio"]["packetsReceived"] > 0
        await until(lambda: side.peer.send_control("hello"))
        await page.wait_for_function("window.texts.includes('hello')")

        def reported() -> bool:
            sent = side.peer.counters().video_sent
            return (
                sent is not None
                and sent.round_trip_time is not None
                # by transport-wide feedback: it sends no estimate of its own then
                and sent.remote_bitrate_estimate is None
            )

        await until(reported)


async def test_chromium_holds_no_picture_back_for_long(
    page: Any, clip: list[bytes], sound: list[bytes]
) -> None:
    """Whatever asks for a longer buffer, here the page and else the sound: our limit goes before
    it.
    """
    side = Side(
        LocalStream(ClipFeed(clip), SoundFeed(sound)), ice=IceOptions(host_addresses=("127.0.0.1",))
    )
    async with closing(side):
        await call(page, side, camera=False, buffer=4000)
        video: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE):
            while video.get("jitterBufferEmittedCount", 0) < 30:
                video = (await page.evaluate(STATS))["video"]
        wanted = video["jitterBufferTargetDelay"] / video["jitterBufferEmittedCount"]  # seconds
        assert wanted < 2


async def test_chromium_we_receive_its_camera_and_microphone(
    page: Any, clip: list[bytes], sound: list[bytes]
) -> None:
    sink = MemorySink()
    local = LocalStream(ClipFeed(clip), SoundFeed(sound))
    side = Side(local, ice=IceOptions(host_addresses=("127.0.0.1",)), sink=sink)
    async with closing(side):
        await call(page, side, camera=True)
        await sink.seen(video=10, audio=10)
        assert {event.kind for event in side.of(TrackReceived)} == {"audio", "video"}
        assert sink.video[0].keyframe
        received = side.peer.counters().video_received
        assert received is not None
        assert received.frame_width is not None
