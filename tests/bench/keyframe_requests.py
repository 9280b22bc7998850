"""How soon a key frame is here that PLI asked for, and how many a flood of requests makes."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

from agent.core.call.events import MediaGrant, PeerConnected
from agent.ports import AccessUnit, DecodedAudio, IceOptions, LocalStream
from agent.webrtc.peer import AiortcPeer
from tests.bench.figures import Figure, spread
from tests.bench.scene import Caller, Scene

FRAMERATE = 30


class Keyframes:
    """A sink that notes when key frames arrive."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.arrived = asyncio.Event()
        self.wants_audio = False

    def on_video(self, unit: AccessUnit) -> None:
        if unit.keyframe:
            self.times.append(time.monotonic())
            self.arrived.set()

    def on_audio(self, audio: DecodedAudio) -> None: ...


async def measure_keyframes(folder: Path) -> list[Figure]:
    """PLI over loopback from a peer of ours: how soon the key frame is here, and how many a flood
    of requests makes.
    """
    sink, connected = Keyframes(), asyncio.Event()
    peer = AiortcPeer(
        generation=0,
        local=LocalStream(),
        remote=sink,
        grant=MediaGrant(),
        ice=IceOptions(),
        on_event=lambda event: connected.set() if isinstance(event, PeerConnected) else None,
        on_control=lambda text: None,
    )
    async with (
        Scene.set(folder, quick=True) as plain,
        plain.device(),
        Caller.connected(plain.mosquitto) as caller,
    ):
        exchange = await caller.invite("bench", await peer.create_offer())
        await peer.apply_answer((await exchange.answered)["sdp"])
        await connected.wait()
        await asyncio.sleep(2)
        waits = [await ask_for_keyframe(peer, sink) for _ in range(20)]
        flood = await flood_with_requests(peer, sink)
        caller.hang_up(exchange)
        await peer.close()
    return [
        Figure(
            "PLI to key frame",
            1e3 * statistics.median(waits),
            "ms",
            100 + 1e3 / FRAMERATE,
            spread(waits),
        ),
        Figure("200 requests in 4 s: key frames", flood, "", 14),
    ]


async def send_pli(peer: AiortcPeer) -> None:
    receiver: Any = next(
        each.receiver for each in peer._pc.getTransceivers() if each.kind == "video"
    )
    (ssrc,) = [
        ssrc
        for ssrc in receiver._RTCRtpReceiver__remote_streams
        if ssrc not in receiver._RTCRtpReceiver__rtx_ssrc
    ]
    await receiver._send_rtcp_pli(ssrc)


async def ask_for_keyframe(peer: AiortcPeer, sink: Keyframes) -> float:
    """Seconds until it is here."""
    # beyond the limit, and at another place between two pictures
    await asyncio.sleep(0.7 + 0.013 * len(sink.times))
    sink.arrived.clear()
    started = time.monotonic()
    await send_pli(peer)
    async with asyncio.timeout(10):
        await sink.arrived.wait()
    return time.monotonic() - started


async def flood_with_requests(peer: AiortcPeer, sink: Keyframes) -> int:
    await asyncio.sleep(1)
    count, started = len(sink.times), time.monotonic()
    for number in range(200):
        await send_pli(peer)
        await asyncio.sleep(max(0.0, started + 0.02 * (number + 1) - time.monotonic()))
    return len(sink.times) - count
