"""What sending costs, beside what others take for the same clip: in turns, in one run."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.bench import gstreamer, senders
from tests.bench.clips import CLIP_1080P, CLIPS, SECONDS, Clip
from tests.bench.figures import Figure, NotMeasured, grid
from tests.bench.long_clip import write_stream
from tests.bench.process import cpu_seconds, usage
from tests.bench.receiver import Receiver, accepting_rsa
from tests.bench.scene import Caller, Scene
from tests.waiting import PATIENCE

# times what plain aiortc takes
TARGET = 1.0
# times what the first one costs
SECOND_VIEWER_TARGET = 0.5
# of a call in which pictures are decoded as well
LATENCY_SECONDS = 5.0
# seconds of a stream beyond what is measured
SPARE = 30.0
# seconds of a call that do not count
WARM_UP = 2.5
VIEWERS = (1, 2, 4, 8)
BASE = "aiortc"
DEVICE = "callbox device"
PROGRAMS = {"callbox transport": "callbox", BASE: "aiortc", "aiortc, encoding": "aiortc-encoding"}
GSTREAMER = "GStreamer webrtcbin"
PHASES = ("response", "ice", "dtls", "first frame")


@dataclass(frozen=True, slots=True)
class Run:
    """One sender and one clip. Seconds of CPU a minute, MiB, milliseconds, pictures a second."""

    cpu: float
    memory: float
    latency: float | None
    setup: dict[str, float]
    framerate: float


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is set up. `pid` is the sender's."""

    pid: int
    receiver: Receiver
    setup: dict[str, float]


async def measure_senders(scene: Scene) -> list[Figure | NotMeasured]:
    """Every sender with every clip. The encoding one takes a whole core, so it runs once."""
    found: list[Figure | NotMeasured] = []
    seconds = scene.count(16, 5)
    lacking = await asyncio.to_thread(gstreamer_lacks)
    names = [DEVICE, *PROGRAMS, *([] if lacking else [GSTREAMER])]
    if lacking:
        found.append(NotMeasured(f"senders: {GSTREAMER}", lacking))
    for clip in (CLIP_1080P,) if scene.quick else CLIPS:
        runs: dict[str, list[Run]] = {name: [] for name in names}
        for turn in range(scene.count(3, 1)):
            for name, results in runs.items():
                if turn == 0 or name != "aiortc, encoding":
                    results.append(await run_sender(scene, name, clip, seconds))
        rows = {name: middle(results) for name, results in runs.items()}
        print(f"\n{clip.name}\n{table_of(rows)}\n", flush=True)
        found += figures_of(clip, rows, runs)
    if scene.quick:
        found += [
            NotMeasured(f"senders: {clip.name}", "--quick") for clip in CLIPS if clip != CLIP_1080P
        ]
    return found


async def measure_viewers(scene: Scene) -> list[Figure | NotMeasured]:
    """One device, one encoder, more and more viewers."""
    path = await asyncio.to_thread(CLIP_1080P.file, scene.folder)
    seconds = scene.count(16, 5)
    cpu: dict[int, list[float]] = {count: [] for count in VIEWERS}
    for _ in range(scene.count(3, 1)):
        for count, values in cpu.items():
            async with AsyncExitStack() as stack:
                program = await stack.enter_async_context(
                    scene.device(source(path, CLIP_1080P), audio="none", calls=count)
                )
                caller = await stack.enter_async_context(Caller.connected(scene.mosquitto))
                for number in range(count):
                    await stack.enter_async_context(
                        call_device(scene, program.pid, caller, f"viewer-{number}")
                    )
                await asyncio.sleep(WARM_UP)
                values.append(await cpu_per_minute(program.pid, seconds))
    medians = {count: statistics.median(values) for count, values in cpu.items()}
    details = {str(count): [round(each, 2) for each in values] for count, values in cpu.items()}
    share = medians[2] / medians[1] - 1
    return [
        *(
            Figure(f"CPU of a device, {CLIP_1080P.name}, viewers: {n}", value, "s/min")
            for n, value in medians.items()
        ),
        Figure(
            "cost of a second viewer, to the first's", share, "x", SECOND_VIEWER_TARGET, details
        ),
    ]


def middle(runs: Sequence[Run]) -> Run:
    """Of every value the median."""
    ages = [run.latency for run in runs if run.latency is not None]
    return Run(
        cpu=statistics.median(run.cpu for run in runs),
        memory=statistics.median(run.memory for run in runs),
        latency=statistics.median(ages) if ages else None,
        setup={phase: statistics.median(run.setup[phase] for run in runs) for phase in PHASES},
        framerate=statistics.median(run.framerate for run in runs),
    )


def table_of(rows: dict[str, Run]) -> str:
    head = [
        "",
        "CPU s/min",
        f"to {BASE}",
        "memory MiB",
        "latency ms",
        *(f"{phase} ms" for phase in PHASES),
        "fps",
    ]
    base = rows[BASE].cpu
    lines = [
        [
            name,
            f"{run.cpu:.2f}",
            f"{run.cpu / base:.2f}",
            f"{run.memory:.0f}",
            "-" if run.latency is None else f"{run.latency:.1f}",
            *(f"{run.setup[phase]:.1f}" for phase in PHASES),
            f"{run.framerate:.1f}",
        ]
        for name, run in rows.items()
    ]
    return grid([head, *lines])


def figures_of(clip: Clip, rows: dict[str, Run], runs: dict[str, list[Run]]) -> list[Figure]:
    figures = []
    for name, run in rows.items():
        details: dict[str, Any] = {phase: round(run.setup[phase], 1) for phase in PHASES}
        details |= {
            "cpu of each run": [round(each.cpu, 2) for each in runs[name]],
            "fps": round(run.framerate, 1),
        }
        figures.append(Figure(f"{clip.name}: CPU, {name}", run.cpu, "s/min", details=details))
        figures.append(Figure(f"{clip.name}: memory, {name}", run.memory, "MiB"))
        if run.latency is not None:
            figures.append(Figure(f"{clip.name}: latency, {name}", run.latency, "ms"))
        if name.startswith("callbox"):
            figures.append(
                Figure(f"{clip.name}: CPU, {name} to {BASE}", run.cpu / rows[BASE].cpu, "x", TARGET)
            )
            if GSTREAMER in rows:
                figures.append(
                    Figure(
                        f"{clip.name}: CPU, {name} to GStreamer", run.cpu / rows[GSTREAMER].cpu, "x"
                    )
                )
    return figures


async def run_sender(scene: Scene, name: str, clip: Clip, seconds: float) -> Run:
    path = await asyncio.to_thread(clip.file, scene.folder)
    async with call_of(scene, name, clip, path, seconds) as call:
        await asyncio.sleep(WARM_UP)
        gauge = call.receiver.gauge
        before, started = gauge.pictures, time.monotonic()
        cpu = await cpu_per_minute(call.pid, seconds)
        framerate = (gauge.pictures - before) / (time.monotonic() - started)
        memory = usage(call.pid).resident
        ages = await call.receiver.ages(LATENCY_SECONDS)
    latency = statistics.median(ages) * 1000 if ages else None
    return Run(cpu, memory, latency, call.setup, framerate)


@asynccontextmanager
async def call_of(
    scene: Scene, name: str, clip: Clip, path: Path, seconds: float
) -> AsyncIterator[Call]:
    async with AsyncExitStack() as stack:
        if name == DEVICE:
            program = await stack.enter_async_context(
                scene.device(source(path, clip), audio="none")
            )
            caller = await stack.enter_async_context(Caller.connected(scene.mosquitto))
            yield await stack.enter_async_context(call_device(scene, program.pid, caller))
        elif name == GSTREAMER:
            stream = await asyncio.to_thread(
                write_stream, path, seconds + WARM_UP + LATENCY_SECONDS + SPARE
            )
            command = [system_python(), gstreamer.__file__, str(stream), str(SECONDS)]
            stack.enter_context(accepting_rsa())
            yield await stack.enter_async_context(call_program(command))
        else:
            command = [
                sys.executable,
                "-m",
                senders.__name__,
                PROGRAMS[name],
                str(path),
                str(clip.bitrate),
            ]
            yield await stack.enter_async_context(call_program(command))


@asynccontextmanager
async def call_program(command: Sequence[str]) -> AsyncIterator[Call]:
    """It offers. See `senders` for what is said in which order."""
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        async with Receiver.opened() as receiver:
            async with asyncio.timeout(PATIENCE):
                setup = await _set_up(process, receiver)
            yield Call(process.pid, receiver, setup)
    finally:
        process.kill()
        await process.communicate()


async def _set_up(process: Process, receiver: Receiver) -> dict[str, float]:
    await _heard(process)
    asked_at = time.monotonic()
    _say(process, True)
    offer = await _heard(process)
    offered_at = time.monotonic()
    answer = await receiver.peer.create_answer(offer)
    answered_at = time.monotonic()
    _say(process, answer)
    receiver.gauge.capture.start, receiver.gauge.capture.period = await _heard(process)
    await receiver.reached("first frame")
    return phases(offered_at - asked_at, answered_at, receiver.times)


@asynccontextmanager
async def call_device(
    scene: Scene, pid: int, caller: Caller, uid: str = "viewer"
) -> AsyncIterator[Call]:
    """It answers. When a picture was captured is known from its own reports."""
    async with Receiver.opened() as receiver:
        exchange = await caller.invite(uid, await receiver.peer.create_offer())
        answered_at = time.monotonic()
        receiver.follow_clock()
        await receiver.peer.apply_answer((await exchange.answered)["sdp"])
        await receiver.reached("first frame")
        setup = phases(exchange.answered_at - exchange.invited_at, answered_at, receiver.times)
        yield Call(pid, receiver, setup)
        caller.hang_up(exchange)
    await scene.closed(exchange.conversation)


def phases(response: float, described_at: float, times: dict[str, float]) -> dict[str, float]:
    """Milliseconds that each phase took. `response` is in seconds, until there was the sender's
    description.
    """
    marks = [described_at, *(times[phase] for phase in PHASES[1:])]
    steps = [response, *(later - earlier for earlier, later in pairwise(marks))]
    return {phase: step * 1000 for phase, step in zip(PHASES, steps, strict=True)}


async def cpu_per_minute(pid: int, seconds: float) -> float:
    used, started = cpu_seconds(pid), time.monotonic()
    await asyncio.sleep(seconds)
    return (cpu_seconds(pid) - used) / (time.monotonic() - started) * 60


def source(path: Path, clip: Clip) -> str:
    """The settings of `[video]`: the clip, at a bitrate that it has, for it cannot follow another
    one.
    """
    return f'source = "file:{path}"\nbitrate = {clip.bitrate}\nmax_bitrate = {2 * clip.bitrate}\n'


def system_python() -> str:
    """Debian's, whose packages GStreamer's bindings are; not that of our environment."""
    return shutil.which("python3", path=os.defpath) or "python3"


def gstreamer_lacks() -> str:
    """What GStreamer would need to take part, in words; empty where nothing is missing."""
    command = [system_python(), gstreamer.__file__, "--check"]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except OSError as error:
        return str(error)
    return (
        ""
        if result.returncode == 0
        else f"{result.stderr.strip()} (tests/provision.sh bench installs it)"
    )


def _say(process: Process, value: object) -> None:
    assert process.stdin is not None
    process.stdin.write((json.dumps(value) + "\n").encode())


async def _heard(process: Process) -> Any:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("the sending program ended by itself")
    return json.loads(line)
