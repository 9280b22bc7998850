"""A million datagrams of strangers to the media port, in set-up and in a call: nothing of the call
is lost, and memory is flat.
"""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.fuzz import Flood, flooding
from tests.bench.hostile import device_port
from tests.bench.mix import Side, answer, opened
from tests.bench.process import Usage, cpu_seconds, usage
from tests.bench.scene import Scene
from tests.webrtc.strangers import HOSTILE

DATAGRAMS = 1_000_000
# a second: what a device reads beside a call
RATE = 5_000
BATCH = 50
# seconds for the set-up, the longest that a device may be given; as many of half come as it holds
SETUP = 120.0
# MiB, while they come
GROWTH_TARGET = 5.0
# of a second, the pictures of the test pattern
FRAME_RATE = 30.0


async def flood(address: tuple[str, int], count: int) -> float:
    """Send so many, of every hostile kind in turn. Returns the seconds that it took."""
    kinds, began = list(HOSTILE.values()), time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for number in range(0, count, BATCH):
            for each in range(number, min(number + BATCH, count)):
                stranger.sendto(kinds[each % len(kinds)], address)
            await asyncio.sleep(max(0.0, began + (number + BATCH) / RATE - time.monotonic()))
    return time.monotonic() - began


def dropped_by_kernel(port: int) -> int:
    """Datagrams that found no room in the socket of this port."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}"):
            return int(fields[-1])
    return 0


class Attack:
    """One call, and what strangers send to its device before and during it."""

    def __init__(self, at: Flood, side: Side) -> None:
        self._at, self._side = at, side
        self.figures: list[Figure] = []

    async def in_set_up(self, address: tuple[str, int], count: int) -> None:
        before, seconds = self._usage(), await flood(address, count)
        self._grown("set-up", before, count, seconds)

    async def in_the_call(self, count: int) -> None:
        address = device_port(self._side.peer)
        frames, lost = self._received()
        before, cpu = self._usage(), cpu_seconds(self._at.program.pid)
        seconds = await flood(address, count)
        more, more_lost = self._received()
        used = (cpu_seconds(self._at.program.pid) - cpu) / seconds
        self._grown("the call", before, count, seconds)
        rate = (more - frames) / seconds
        self.figures += [
            Figure("pictures a second that were missing", max(0.0, FRAME_RATE - rate), "1/s", 1.0),
            Figure("packets of the call lost", more_lost - lost, "", 0),
            Figure("processor, with the call's own pictures", 100 * used, "%"),
            Figure("datagrams that found no room in the socket", dropped_by_kernel(address[1]), ""),
        ]

    def _usage(self) -> Usage:
        return usage(self._at.program.pid)

    def _grown(self, where: str, before: Usage, count: int, seconds: float) -> None:
        growth = self._usage().resident - before.resident
        details = {"datagrams": count, "seconds": round(seconds, 1)}
        self.figures.append(
            Figure(f"growth of memory in {where}", growth, "MiB", GROWTH_TARGET, details)
        )

    def _received(self) -> tuple[int, int]:
        video = self._side.peer.counters().video_received
        assert video is not None
        return video.frames_received, video.packets_lost or 0


def _address_in(sdp: str) -> tuple[str, int]:
    """Of the device's first IPv4 candidate."""
    for line in sdp.splitlines():
        fields = line.split()
        if line.startswith("a=candidate:") and "." in fields[4]:
            return fields[4], int(fields[5])
    raise RuntimeError("the device has no IPv4 address")


async def measure_datagrams(scene: Scene) -> list[Figure]:
    """Half of them while the answer waits for its caller, half in the call."""
    count = int(scene.messages or DATAGRAMS)
    folder = scene.folder / "datagrams"
    folder.mkdir()
    async with flooding(folder, setup_timeout=SETUP) as at, opened() as side:
        line = at.telephone.line("datagrams")
        line.invite(await side.peer.create_offer())
        sdp = (await answer(line, "ACCEPTED"))["sdp"]
        attack = Attack(at, side)
        # what a first flood makes once is not growth
        await flood(_address_in(sdp), min(count // 10, 10_000))
        await attack.in_set_up(_address_in(sdp), count // 2)
        await side.peer.apply_answer(sdp)
        await side.connected()
        await asyncio.sleep(3)
        await attack.in_the_call(count - count // 2)
        line.say("close", reason="user_hangup")
        record = await line.closed()
        log = at.program.log()
    return [
        Figure("calls that did not end as they should", record["reason"] != "user_hangup", "", 0),
        *attack.figures,
        Figure("tracebacks in the device's log", log.count("Traceback"), "", 0),
        Figure("lines in the device's log", len(log.splitlines()), ""),
    ]
