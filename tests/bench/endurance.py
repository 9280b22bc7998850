"""A long call that is not left in peace: which pictures cannot be decoded, what grows, what lags
behind.

The viewer asks for key frames, changes what it takes and stands still, all at random moments.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from agent.core.call.reasons import CloseReason
from agent.webrtc.peer import AiortcPeer
from tests.bench.decoding import Examiner
from tests.bench.figures import Figure, spread
from tests.bench.process import usage
from tests.bench.scene import Caller, Scene, connected_call
from tests.bench.series import Sample, Span, after_first_quarter, drift, floors
from tests.bench.slopes import slope

MINUTES = 20.0
VIDEO = 'source = "pattern"\nwidth = 640\nheight = 360\n'
# seconds that have one floor of latency
WINDOW = 5.0
# seconds after a stall, in which what waited still arrives
SETTLE = 2.0
# seconds between two looks at the memory
SAMPLE_INTERVAL = 5.0
REMB_INTERVAL_MS = 500
BITRATES = (300_000, 600_000, 1_000_000, 2_000_000, 4_000_000)
# seconds, from and to
KEYFRAME_EVERY, STEP_EVERY, STALL_EVERY = (0.5, 10.0), (5.0, 20.0), (15.0, 45.0)
# seconds; the longest fill the socket's buffer, and packets are lost
STALL = (0.05, 1.5)
SEED = 4

# MiB/h; what one call may keep is seen after minutes, not hours
GROWTH_TARGET = 6.0
DRIFT_TARGET = 10.0  # ms


class Whims:
    """Takes the place of the viewer's estimate of the bitrate: what the far side hears is
    `bitrate`, twice a second.
    """

    def __init__(self) -> None:
        self.bitrate = BITRATES[-1]
        self._told_at = 0

    def add(self, *, arrival_time_ms: int, ssrc: int, **_: Any) -> tuple[int, list[int]] | None:
        if arrival_time_ms - self._told_at < REMB_INTERVAL_MS:
            return None
        self._told_at = arrival_time_ms
        return self.bitrate, [ssrc]


@dataclass(slots=True)
class Disturbance:
    """What was done to the call so far."""

    keyframes: int = 0
    steps: int = 0
    stalls: list[Span] = field(default_factory=list)


async def measure_endurance(scene: Scene) -> list[Figure]:
    minutes = scene.minutes or MINUTES
    examiner = Examiner()
    memory: list[Sample] = []
    async with (
        scene.device(VIDEO, audio="none") as program,
        Caller.connected(scene.mosquitto) as caller,
    ):
        async with connected_call(caller, "bench", examiner) as exchange:
            disturbance = Disturbance()
            async with AsyncExitStack() as stack:
                for each in (_ask, _step, _stall):
                    task = asyncio.create_task(each(exchange.peer, disturbance))
                    stack.push_async_callback(_end, task)
                until = time.monotonic() + 60 * minutes
                while time.monotonic() < until:
                    memory.append(Sample(time.monotonic(), usage(program.pid).resident))
                    await asyncio.sleep(min(SAMPLE_INTERVAL, max(0.0, until - time.monotonic())))
        record = await scene.closed(exchange.conversation)
    if record["reason"] != CloseReason.USER_HANGUP:
        raise RuntimeError(f"the call ended by itself: {record['reason']}")
    return _figures(examiner, memory, disturbance)


def _figures(examiner: Examiner, memory: list[Sample], disturbance: Disturbance) -> list[Figure]:
    later = after_first_quarter(memory)
    quiet = floors(
        examiner.ages, WINDOW, [Span(start, end + SETTLE) for start, end in disturbance.stalls]
    )
    lowest = [sample.value for sample in quiet] or [0.0]
    complaints = {"pictures": examiner.pictures, "keyframes": examiner.keyframes, "seed": SEED}
    done = {"keyframes asked for": disturbance.keyframes, "bitrate steps": disturbance.steps}
    done |= {"stalls": len(disturbance.stalls)}
    return [
        Figure(
            "pictures that cannot be decoded",
            examiner.undecodable,
            "",
            0,
            complaints | _list(examiner) | done,
        ),
        Figure("pictures that arrived", examiner.pictures, ""),
        Figure(
            "growth of memory after the first quarter",
            slope(later) * 3600,
            "MiB/h",
            GROWTH_TARGET,
            {"first": memory[0].value, **spread([sample.value for sample in later])},
        ),
        Figure(
            "drift of latency, first quarter to last",
            drift(quiet),
            "ms",
            DRIFT_TARGET,
            spread(lowest),
        ),
    ]


def _list(examiner: Examiner) -> dict[str, list[str]]:
    return {"complaints": examiner.complaints} if examiner.complaints else {}


def _receiver(peer: AiortcPeer) -> Any:
    return next(each.receiver for each in peer._pc.getTransceivers() if each.kind == "video")


async def _ask(peer: AiortcPeer, disturbance: Disturbance) -> None:
    moments = random.Random(SEED)
    receiver = _receiver(peer)
    while True:
        await asyncio.sleep(moments.uniform(*KEYFRAME_EVERY))
        for ssrc in receiver._RTCRtpReceiver__remote_streams:
            await receiver._send_rtcp_pli(ssrc)
        disturbance.keyframes += 1


async def _step(peer: AiortcPeer, disturbance: Disturbance) -> None:
    moments = random.Random(SEED + 1)
    inbound = peer._media._video_in
    assert inbound is not None
    # who tells of each packet sends no estimate
    inbound.tap._feedback = None
    whims = _receiver(peer)._RTCRtpReceiver__remote_bitrate_estimator = Whims()
    while True:
        await asyncio.sleep(moments.uniform(*STEP_EVERY))
        whims.bitrate = moments.choice(BITRATES)
        disturbance.steps += 1


async def _stall(_peer: AiortcPeer, disturbance: Disturbance) -> None:
    """The viewer reads nothing for a while: its socket's buffer fills, and then overflows."""
    moments = random.Random(SEED + 2)
    while True:
        await asyncio.sleep(moments.uniform(*STALL_EVERY))
        start = time.monotonic()
        time.sleep(moments.uniform(*STALL))  # noqa: ASYNC251 - that is the point
        disturbance.stalls.append(Span(start, time.monotonic()))


async def _end(task: asyncio.Task[None]) -> None:
    """Raises what the task broke with, if it did."""
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return
