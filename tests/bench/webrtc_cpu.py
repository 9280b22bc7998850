"""What sending costs: our peer beside plain aiortc, the same access units, in turns, each in a process of its own.

    python -m tests.bench.webrtc_cpu [--seconds 15] [--rounds 3] [--bitrate 4000000]

Prints one JSON object: CPU seconds for a minute of call (user and system, of the sending process), resident memory, and
the time from an offer to its answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

from agent.conversation.events import MediaGrant, PeerConnected, PeerEvent
from agent.conversation.reasons import SharedBitrate
from agent.ports import AccessUnit, BitrateLimits, IceOptions, LocalStream, VideoFormat
from agent.webrtc.peer import AiortcPeer

FRAMERATE = 30
GOP = 60
WARM_UP = 2.0  # seconds
START = b"\x00\x00\x00\x01"
SPS = bytes.fromhex("6742c01fda014016e840000003004000000f23c60ca8")
PPS = bytes.fromhex("68ce3c80")


def make_clip(bitrate: int) -> list[bytes]:
    """Two groups of pictures of this bitrate; a key frame is four times a frame. Nothing decodes them."""
    rng = random.Random(1)
    mean = bitrate // 8 // FRAMERATE * GOP // (GOP + 3)
    clip = []
    for number in range(2 * GOP):
        key = number % GOP == 0
        size = mean * (4 if key else 1)
        body = bytes(rng.choices(range(1, 256), k=size))
        clip.append(START + SPS + START + PPS + START + b"\x65" + body if key else START + b"\x41" + body)
    return clip


class Pace:
    """Frames of the clip at their time."""

    def __init__(self, clip: list[bytes]) -> None:
        self._clip = clip
        self._number = 0
        self._started: float | None = None

    async def next(self) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        if self._started is None:
            self._started = loop.time()
        await asyncio.sleep(max(0.0, self._started + self._number / FRAMERATE - loop.time()))
        number, self._number = self._number, self._number + 1
        return number, self._clip[number % len(self._clip)]


class PacedSubscription:
    format = VideoFormat(1920, 1080, FRAMERATE, "42c028")
    limits = BitrateLimits()
    dropped = 0

    def __init__(self, clip: list[bytes]) -> None:
        self._pace = Pace(clip)

    async def next(self) -> AccessUnit:
        number, data = await self._pace.next()
        return AccessUnit(data, number % GOP == 0, number * 90_000 // FRAMERATE, time.monotonic())

    def request_keyframe(self) -> None: ...

    def request_bitrate(self, bitrate: int) -> None: ...

    def close(self) -> None: ...


class PacedFeed:
    def __init__(self, clip: list[bytes]) -> None:
        self._clip = clip

    async def subscribe(self, _shared: SharedBitrate = SharedBitrate.FOLLOW) -> PacedSubscription:
        return PacedSubscription(self._clip)


class PacketTrack(MediaStreamTrack):
    """The shortest way to send packets with plain aiortc."""

    kind = "video"

    def __init__(self, clip: list[bytes]) -> None:
        super().__init__()
        self._pace = Pace(clip)

    async def recv(self) -> Any:
        number, data = await self._pace.next()
        packet = av.Packet(data)
        packet.pts, packet.time_base = number * 90_000 // FRAMERATE, Fraction(1, 90_000)
        return packet


def make_peer(feed: PacedFeed | None) -> tuple[AiortcPeer, asyncio.Event]:
    connected = asyncio.Event()

    def on_event(event: PeerEvent) -> None:
        if isinstance(event, PeerConnected):
            connected.set()

    peer = AiortcPeer(
        generation=0,
        local=LocalStream(video=feed),
        grant=MediaGrant(),
        ice=IceOptions(),
        on_event=on_event,
        on_control=lambda text: None,
    )
    return peer, connected


# --- the sending process -----------------------------------------------------------------------------------------


async def send_with_ours(clip: list[bytes], seconds: float) -> None:
    peer, connected = make_peer(PacedFeed(clip))
    _say({"sdp": await peer.create_offer()})
    await peer.apply_answer((await _heard())["sdp"])
    await connected.wait()
    peer.start_media()
    await _measure(seconds, lambda: _packets_of_ours(peer))
    await peer.close()


async def _packets_of_ours(peer: AiortcPeer) -> int:
    counters = peer.counters().video_sent
    return counters.packets_sent if counters is not None else 0


async def send_with_aiortc(clip: list[bytes], seconds: float) -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    sender = pc.addTrack(PacketTrack(clip))
    codecs = RTCRtpSender.getCapabilities("video").codecs
    pc.getTransceivers()[0].setCodecPreferences([codec for codec in codecs if codec.mimeType != "video/VP8"])
    connected = asyncio.Event()

    @pc.on("connectionstatechange")
    def changed() -> None:
        if pc.connectionState == "connected":
            connected.set()

    await pc.setLocalDescription(await pc.createOffer())
    _say({"sdp": pc.localDescription.sdp})
    await pc.setRemoteDescription(RTCSessionDescription((await _heard())["sdp"], "answer"))
    await connected.wait()

    async def packets() -> int:
        return int(next(s.packetsSent for s in (await sender.getStats()).values() if s.type == "outbound-rtp"))

    await _measure(seconds, packets)
    await pc.close()


async def _measure(seconds: float, packets: Callable[[], Awaitable[int]]) -> None:
    await asyncio.sleep(WARM_UP)
    cpu, sent, started = _cpu(), await packets(), time.monotonic()
    await asyncio.sleep(seconds)
    wall = time.monotonic() - started
    _say(
        {
            "cpu_s_per_min": (_cpu() - cpu) / wall * 60,
            "packets_per_s": (await packets() - sent) / wall,
            "rss_mib": _rss_mib(),
        }
    )


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _rss_mib() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


async def _heard() -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.to_thread(sys.stdin.readline))
    return message


# --- the measuring process ---------------------------------------------------------------------------------------


async def run_sender(role: str, arguments: argparse.Namespace) -> dict[str, float]:
    """One call from a sending process to a receiver here that decodes nothing."""
    command = [sys.executable, "-m", "tests.bench.webrtc_cpu", "--role", role]
    command += ["--seconds", str(arguments.seconds), "--bitrate", str(arguments.bitrate)]
    process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    receiver, _ = make_peer(None)
    offer = json.loads(await process.stdout.readline())["sdp"]
    process.stdin.write((json.dumps({"sdp": await receiver.create_answer(offer)}) + "\n").encode())
    result: dict[str, float] = json.loads(await process.stdout.readline())
    await process.wait()
    await receiver.close()
    return result


async def measure_answers(clip: list[bytes], count: int = 50) -> list[float]:
    """Milliseconds from an offer to its answer, making the peer included."""
    times = []
    for _ in range(count):
        caller, _ = make_peer(None)
        offer = await caller.create_offer()
        started = time.perf_counter()
        device, _ = make_peer(PacedFeed(clip))
        await device.create_answer(offer)
        times.append((time.perf_counter() - started) * 1000)
        await device.close()
        await caller.close()
    return times


async def main(arguments: argparse.Namespace) -> None:
    clip = make_clip(arguments.bitrate)
    if arguments.role == "ours":
        return await send_with_ours(clip, arguments.seconds)
    if arguments.role == "aiortc":
        return await send_with_aiortc(clip, arguments.seconds)
    runs: dict[str, list[dict[str, float]]] = {"aiortc": [], "ours": []}
    for _ in range(arguments.rounds):
        for role, results in runs.items():
            results.append(await run_sender(role, arguments))
    answers = await measure_answers(clip)
    report: dict[str, Any] = {
        role: {key: round(statistics.median(run[key] for run in results), 3) for key in results[0]}
        for role, results in runs.items()
    }
    for role, results in runs.items():
        report[role]["cpu_s_per_min_of_each_run"] = [round(run["cpu_s_per_min"], 3) for run in results]
    report["answer_ms"] = {"median": round(statistics.median(answers), 2), "max": round(max(answers), 2)}
    _say(report)
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bitrate", type=int, default=4_000_000)
    parser.add_argument("--role", choices=["ours", "aiortc"], help=argparse.SUPPRESS)
    asyncio.run(main(parser.parse_args()))
