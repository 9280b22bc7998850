"""aiortc as it is released, as a foreign peer; see stack.py for the lines that it reads and writes.
Nothing of ours is imported.
"""

from __future__ import annotations

import asyncio
import json
import sys
from struct import pack
from typing import Any

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from aiortc.rtp import RTCP_PSFB_FIR, RtcpPsfbPacket


def say(**value: object) -> None:
    print(json.dumps(value), flush=True)


async def watch(track: MediaStreamTrack) -> None:
    first = True
    while True:
        frame: Any = await track.recv()
        if first:
            first = False
            say(type="media", kind=track.kind)
            if track.kind == "video":
                say(type="picture")
        if track.kind == "video" and frame.key_frame:
            say(type="key_frame")


async def lines() -> Any:
    reader = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


async def ask_for_key_frame(peer: RTCPeerConnection) -> None:
    for receiver, ssrc in video_streams(peer):
        await receiver._send_rtcp_pli(ssrc)


async def ask_by_fir(peer: RTCPeerConnection) -> None:
    """It has no call for that; RFC 5104 4.3.1 has the packet."""
    for receiver, ssrc in video_streams(peer):
        entry = pack("!LL", ssrc, 1 << 24)
        packet = RtcpPsfbPacket(fmt=RTCP_PSFB_FIR, ssrc=1, media_ssrc=0, fci=entry)
        await receiver.transport._send_rtp(bytes(packet))


def video_streams(peer: RTCPeerConnection) -> list[tuple[Any, int]]:
    receivers: list[Any] = [each for each in peer.getReceivers() if each.track.kind == "video"]
    return [(each, ssrc) for each in receivers for ssrc in each._RTCRtpReceiver__active_ssrc]


async def main(role: str) -> None:
    peer = RTCPeerConnection()
    watchers = set()

    @peer.on("track")
    def on_track(track: MediaStreamTrack) -> None:
        watchers.add(asyncio.ensure_future(watch(track)))

    @peer.on("connectionstatechange")
    def on_state() -> None:
        if peer.connectionState == "connected":
            say(type="connected")
        elif peer.connectionState in ("failed", "closed"):
            say(type="ended", state=peer.connectionState)

    if role == "offer":
        peer.addTrack(AudioStreamTrack())
        peer.addTransceiver(VideoStreamTrack(), "sendrecv")
        await peer.setLocalDescription(await peer.createOffer())
        say(type="offer", sdp=peer.localDescription.sdp)
    async for command in lines():
        match command["do"]:
            case "describe" if role == "offer":
                await peer.setRemoteDescription(RTCSessionDescription(command["sdp"], "answer"))
            case "describe":
                await peer.setRemoteDescription(RTCSessionDescription(command["sdp"], "offer"))
                peer.addTrack(AudioStreamTrack())
                peer.addTrack(VideoStreamTrack())
                await peer.setLocalDescription(await peer.createAnswer())
                say(type="answer", sdp=peer.localDescription.sdp)
            case "key_frame":
                await ask_for_key_frame(peer)
            case "full_intra_request":
                await ask_by_fir(peer)
            case "close":
                break
    await peer.close()
    for each in watchers:
        each.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
