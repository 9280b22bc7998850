"""What sound costs a device, and how long it takes from mouth to ear."""

from __future__ import annotations

import asyncio
import os
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.ports import AUDIO_CLOCK_RATE
from tests.bench.accept_to_sound import measure_accept_to_sound
from tests.bench.figures import Figure, NotMeasured
from tests.bench.mouth_to_ear import WARM_UP, measure_mouth_to_ear
from tests.bench.process import cpu_seconds
from tests.bench.scene import Scene
from tests.e2e.device import Program, call, device
from tests.fakes.voice import voice


async def measure_sound(scene: Scene) -> list[Figure | NotMeasured]:
    heard = [*await measure_mouth_to_ear(scene), *await measure_accept_to_sound(scene)]
    return [*heard, *await measure_cost(scene)]


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU milliseconds and wake-ups in a second, of all threads of a process."""

    cpu: float
    wakes: float


async def measure_cost(scene: Scene) -> list[Figure | NotMeasured]:
    """Of a whole device in a call with the test picture, by what it sends and plays."""
    files = {"silence": bytes(AUDIO_CLOCK_RATE * 4), "voice": b"".join(voice(200))}
    for name, samples in files.items():
        _write(scene.folder / f"{name}.wav", samples)
    seconds = float(scene.count(40, 10))
    kinds = {
        "no sound": ("none", "none", "none"),
        "silence": (f"file:{scene.folder / 'silence.wav'}", "none", "none"),
        "tone": ("pattern", "none", "none"),
        "voice from a file": (f"file:{scene.folder / 'voice.wav'}", "none", "none"),
        "voice both ways": (
            f"file:{scene.folder / 'voice.wav'}",
            f"file:{scene.folder / 'heard.wav'}",
            f"file:{scene.folder / 'voice.wav'}",
        ),
    }
    spent = {name: await _spent(scene, seconds, *kind) for name, kind in kinds.items()}
    nothing, figures = spent.pop("no sound"), []
    for name, each in spent.items():
        bound = None if name == "voice both ways" else 1.0
        cpu = (each.cpu - nothing.cpu) * 0.06
        figures.append(Figure(f"CPU that sound adds: {name}", cpu, "s/min", bound))
        wakes, most = each.wakes - nothing.wakes, None if bound is None else 50.0
        figures.append(Figure(f"wake-ups that sound adds: {name}", wakes, "/s", most))
    return [*figures, Figure("CPU of the same call without sound", nothing.cpu * 0.06, "s/min")]


async def _spent(scene: Scene, seconds: float, capture: str, playback: str, theirs: str) -> Spent:
    with environment(CALLBOX_AUDIO__CAPTURE=capture, CALLBOX_AUDIO__PLAYBACK=playback):
        async with device(scene.folder, scene.mosquitto, scene.watcher) as running:
            length = str(round(2 * WARM_UP + seconds + 2))
            caller = await call(
                scene.folder, scene.mosquitto, "--seconds", length, "--audio", theirs
            )
            await scene.watcher.wait("door-1/events/local_stats", after=_seen(scene))
            await asyncio.sleep(WARM_UP)
            spent = await _count(running, seconds)
            await caller.end()
            return spent


def _seen(scene: Scene) -> int:
    return len(scene.watcher.messages)


async def _count(running: Program, seconds: float) -> Spent:
    before, wakes, began = cpu_seconds(running.pid), _wakes(running.pid), time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    return Spent(
        1000 * (cpu_seconds(running.pid) - before) / took, (_wakes(running.pid) - wakes) / took
    )


def _wakes(pid: int) -> int:
    """Voluntary switches of context of all threads."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def _write(path: Path, samples: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, AUDIO_CLOCK_RATE, 0, "NONE", ""))
        file.writeframes(samples)


@contextmanager
def environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
