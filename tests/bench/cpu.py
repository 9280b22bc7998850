"""What sending costs beside plain aiortc: the same file, in turns, each in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
from asyncio.subprocess import PIPE, Process
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

from agent.media.clip import ClipPicture, read_clip
from agent.ports import VIDEO_CLOCK_RATE
from tests.bench import webrtc_cpu
from tests.bench.clips import BITRATE, FRAMERATE, clip_1080p
from tests.bench.figures import Figure
from tests.bench.process import cpu_seconds
from tests.bench.scene import Caller, Scene, connected_call

TARGET = 1.0  # times what plain aiortc takes
WARM_UP = 2.0  # seconds of a call that do not count


async def measure_devices(scene: Scene) -> list[Figure]:
    """A whole device, with its statistics and events, beside the shortest aiortc program that sends the same file."""
    clip = clip_1080p(scene.folder)
    seconds = scene.count(20, 8)
    runs: dict[str, list[float]] = {"aiortc": [], "device": [], "device with sound": []}
    for _ in range(scene.count(3, 1)):
        runs["aiortc"].append(await _cpu_of_aiortc(clip, seconds))
        runs["device"].append(await _cpu_of_device(scene, clip, "none", seconds))
        runs["device with sound"].append(await _cpu_of_device(scene, clip, "pattern", seconds))
    medians = {name: statistics.median(values) for name, values in runs.items()}
    details = {name: [round(each, 2) for each in values] for name, values in runs.items()}
    return [
        *(Figure(f"CPU of {name}, 1080p30 4 Mbit/s", value, "s/min") for name, value in medians.items()),
        Figure("ratio, device to plain aiortc", medians["device"] / medians["aiortc"], "x", TARGET, details),
    ]


async def measure_transports(scene: Scene) -> list[Figure]:
    """The transport alone, likewise."""
    arguments = argparse.Namespace(seconds=scene.count(15, 5), bitrate=BITRATE)
    runs: dict[str, list[float]] = {"aiortc": [], "ours": []}
    for _ in range(scene.count(3, 1)):
        for role, values in runs.items():
            values.append((await webrtc_cpu.run_sender(role, arguments))["cpu_s_per_min"])
    ours, theirs = statistics.median(runs["ours"]), statistics.median(runs["aiortc"])
    details = {name: [round(each, 2) for each in values] for name, values in runs.items()}
    return [Figure("ratio, transport to plain aiortc", ours / theirs, "x", TARGET, details)]


async def _cpu_of_device(scene: Scene, clip: Path, audio: str, seconds: float) -> float:
    video = f'source = "file:{clip}"\n'
    async with scene.device(video, audio=audio) as program, Caller.connected(scene.mosquitto) as caller:
        async with connected_call(caller, "bench") as exchange:
            used = await _cpu_per_minute(program.pid, seconds)
        await scene.closed(exchange.conversation)
    return used


async def _cpu_of_aiortc(clip: Path, seconds: float) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.cpu", str(clip), stdin=PIPE, stdout=PIPE
    )
    pc = webrtc_cpu.make_peer(None)[0]
    try:
        answer = await pc.create_answer(await _line(process))
        assert process.stdin is not None
        process.stdin.write((json.dumps(answer) + "\n").encode())
        await _line(process)  # it is connected
        return await _cpu_per_minute(process.pid, seconds)
    finally:
        process.kill()
        await process.communicate()
        await pc.close()


async def _line(process: Process) -> Any:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())


async def _cpu_per_minute(pid: int, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(WARM_UP)
    used, started = cpu_seconds(pid), loop.time()
    await asyncio.sleep(seconds)
    return (cpu_seconds(pid) - used) / (loop.time() - started) * 60


# --- the process of plain aiortc ---------------------------------------------------------------------------------


class ClipTrack(MediaStreamTrack):
    """The pictures of a file at their time, in a loop."""

    kind = "video"

    def __init__(self, clip: list[ClipPicture]) -> None:
        super().__init__()
        self._clip = clip
        self._number = 0
        self._started: float | None = None

    async def recv(self) -> Any:
        loop = asyncio.get_running_loop()
        self._started = loop.time() if self._started is None else self._started
        await asyncio.sleep(max(0.0, self._started + self._number / FRAMERATE - loop.time()))
        packet = av.Packet(self._clip[self._number % len(self._clip)].data)
        packet.pts = self._number * VIDEO_CLOCK_RATE // FRAMERATE
        packet.time_base = Fraction(1, VIDEO_CLOCK_RATE)
        self._number += 1
        return packet


async def send_file(path: Path) -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTrack(ClipTrack(list(read_clip(path, FRAMERATE))))
    codecs = RTCRtpSender.getCapabilities("video").codecs
    pc.getTransceivers()[0].setCodecPreferences([codec for codec in codecs if codec.mimeType != "video/VP8"])
    connected = asyncio.Event()

    def on_state() -> None:
        if pc.connectionState == "connected":
            connected.set()

    pc.on("connectionstatechange", on_state)
    await pc.setLocalDescription(await pc.createOffer())
    print(json.dumps(pc.localDescription.sdp), flush=True)
    answer = json.loads(await asyncio.to_thread(sys.stdin.readline))
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await connected.wait()
    print("true", flush=True)
    await asyncio.Event().wait()  # until it is ended from outside


if __name__ == "__main__":
    asyncio.run(send_file(Path(sys.argv[1])))
