"""Plain aiortc as the remote peer: it encodes and decodes, and knows nothing of us."""

from __future__ import annotations

import asyncio

import av
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from agent.core.call.events import PeerConnected, PeerLost, TrackReceived
from agent.ports import LocalStream
from tests.waiting import PATIENCE
from tests.webrtc.feeds import ClipFeed, MemorySink, SoundFeed
from tests.webrtc.pairs import Side, closing

pytestmark = pytest.mark.media


class Stock:
    """An RTCPeerConnection that sends its green picture and silence, and decodes the first frame of
    each kind.
    """

    def __init__(self) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.frames: dict[str, asyncio.Future[av.frame.Frame]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        for kind in ("audio", "video"):
            self.frames[kind] = asyncio.get_running_loop().create_future()
        self.pc.on("track", self._on_track)

    def send(self) -> None:
        self.pc.addTrack(AudioStreamTrack())
        self.pc.addTrack(VideoStreamTrack())
        for transceiver in self.pc.getTransceivers():
            if transceiver.kind == "video":
                codecs = RTCRtpSender.getCapabilities("video").codecs
                transceiver.setCodecPreferences([c for c in codecs if c.mimeType != "video/VP8"])

    async def frame(self, kind: str) -> av.frame.Frame:
        async with asyncio.timeout(PATIENCE):
            return await self.frames[kind]

    async def close(self) -> None:
        await self.pc.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_track(self, track: av.VideoFrame) -> None:
        self._tasks.append(asyncio.create_task(self._read(track)))

    async def _read(self, track: object) -> None:
        while True:
            frame = await track.recv()  # type: ignore[attr-defined]
            future = self.frames[track.kind]  # type: ignore[attr-defined]
            if not future.done():
                future.set_result(frame)


async def check_media(side: Side, stock: Stock, sink: MemorySink) -> None:
    side.peer.start_media()
    picture = await stock.frame("video")
    assert isinstance(picture, av.VideoFrame)
    assert (picture.width, picture.height) == (320, 240)
    assert isinstance(await stock.frame("audio"), av.AudioFrame)
    await sink.seen(video=2, audio=2)
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoded = [frame for unit in sink.video for frame in decoder.decode(av.Packet(unit.data))]
    assert (decoded[0].width, decoded[0].height) == (640, 480)
    assert {event.kind for event in side.of(TrackReceived)} == {"audio", "video"}


async def test_stock_aiortc_calls_us(clip: list[bytes], sound: list[bytes]) -> None:
    sink = MemorySink()
    side, stock = Side(LocalStream(ClipFeed(clip), SoundFeed(sound)), sink=sink), Stock()
    async with closing(side):
        stock.send()
        await stock.pc.setLocalDescription(await stock.pc.createOffer())
        answer = await side.peer.create_answer(stock.pc.localDescription.sdp)
        await stock.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await side.event(PeerConnected)
        await check_media(side, stock, sink)
        await stock.close()
        await side.event(PeerLost)


async def test_stock_aiortc_we_call_it(clip: list[bytes], sound: list[bytes]) -> None:
    sink = MemorySink()
    side, stock = Side(LocalStream(ClipFeed(clip), SoundFeed(sound)), sink=sink), Stock()
    async with closing(side):
        offer = await side.peer.create_offer()
        await stock.pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        stock.send()
        await stock.pc.setLocalDescription(await stock.pc.createAnswer())
        await side.peer.apply_answer(stock.pc.localDescription.sdp)
        await side.event(PeerConnected)
        await check_media(side, stock, sink)
        await stock.close()


async def test_stock_aiortc_can_offer_the_data_channel_first(clip: list[bytes]) -> None:
    """The first section carries the transport, whatever its kind."""
    side = Side(LocalStream(ClipFeed(clip)))
    far = RTCPeerConnection(RTCConfiguration(iceServers=[], alwaysNegotiateDataChannels=True))
    far.addTransceiver("video", "recvonly")
    async with closing(side):
        await far.setLocalDescription(await far.createOffer())
        assert far.localDescription.sdp.index("m=application") < far.localDescription.sdp.index(
            "m=video"
        )
        answer = await side.peer.create_answer(far.localDescription.sdp)
        await far.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await side.event(PeerConnected)
        await far.close()


@pytest.mark.parametrize("order", [("audio", "video"), ("video", "audio")])
async def test_stock_aiortc_order_of_sections_does_not_matter(
    order: tuple[str, str], clip: list[bytes]
) -> None:
    sink = MemorySink()
    side = Side(LocalStream(ClipFeed(clip)), sink=sink)
    far = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in order:
        far.addTransceiver(kind, "recvonly")
    async with closing(side):
        await far.setLocalDescription(await far.createOffer())
        answer = await side.peer.create_answer(far.localDescription.sdp)
        await far.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await side.event(PeerConnected)
        await far.close()


async def test_stock_aiortc_plain_aiortc_still_decodes_beside_us(clip: list[bytes]) -> None:
    one, other = Stock(), Stock()
    one.send()
    await one.pc.setLocalDescription(await one.pc.createOffer())
    await other.pc.setRemoteDescription(RTCSessionDescription(one.pc.localDescription.sdp, "offer"))
    await other.pc.setLocalDescription(await other.pc.createAnswer())
    await one.pc.setRemoteDescription(
        RTCSessionDescription(other.pc.localDescription.sdp, "answer")
    )
    assert isinstance(await other.frame("video"), av.VideoFrame)
    await one.close()
    await other.close()
