"""What sound costs a device, and how long it takes from mouth to ear."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.media.sound.audio_hub import AudioHub
from agent.media.sound.loudspeaker import CardSpeaker
from agent.media.sound.microphone import Microphone
from agent.media.sound.playout import Playback
from agent.ports import AUDIO_CLOCK_RATE, IceOptions, LocalStream
from tests.bench.figures import Figure, NotMeasured, spread
from tests.bench.process import cpu_seconds
from tests.bench.scene import Scene
from tests.e2e.device import Program, call, device
from tests.fakes.voice import voice
from tests.webrtc.pairs import Side, closing, connect

# seconds until a call runs evenly
WARM_UP = 3.0
PERIOD = 0.02
PERIOD_SAMPLES = int(PERIOD * AUDIO_CLOCK_RATE)
# periods that wait in front of a card's converter, as `AlsaPlayer` has it
WAITING = 2
# a sample louder than this begins a pulse
LOUD = 1000
# seconds between two pulses
PULSES = 0.5


async def measure_sound(scene: Scene) -> list[Figure | NotMeasured]:
    return [*await measure_mouth_to_ear(scene), *await measure_cost(scene)]


# --- from mouth to ear


@dataclass(slots=True)
class Room:
    """Two cards in one room: when each pulse was spoken, and when it was heard."""

    spoken: list[float] = field(default_factory=list)
    heard: list[float] = field(default_factory=list)


class PulsingMicrophone:
    """A card that captures periods of 20 ms; a pulse of voice each half second."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._begun = time.monotonic()
        self._periods = 0
        # a syllable of 120 ms
        self._voice = b"".join(voice(6))
        self._left = b""

    def read(self) -> bytes:
        self._periods += 1
        due = self._begun + self._periods * PERIOD
        time.sleep(max(0.0, due - time.monotonic()))
        if self._periods % round(PULSES / PERIOD) == 0:
            energy, moment = energy_of(self._voice)
            self._room.spoken.append(due - PERIOD + moment / energy)
            self._left = self._voice
        samples, self._left = self._left[: 2 * PERIOD_SAMPLES], self._left[2 * PERIOD_SAMPLES :]
        return samples or bytes(2 * PERIOD_SAMPLES)

    def delay(self) -> float:
        return PERIOD

    def close(self) -> None: ...


class ListeningPlayer:
    """A card that plays periods of 20 ms, with two of them waiting."""

    frames = 2

    def __init__(self, room: Room) -> None:
        self._room = room
        self._begun = time.monotonic()
        self._periods = 0
        # of the pulse that is being heard: its beginning, energy, and moment from there
        self._pulse: tuple[float, float, float] | None = None

    def write(self, frames: bytes) -> None:
        due = self._begun + self._periods * PERIOD
        time.sleep(max(0.0, due - time.monotonic()))
        self._periods += 1
        starts = due + WAITING * PERIOD
        if self._pulse is not None and starts - self._pulse[0] > PULSES / 2:
            began, energy, moment = self._pulse
            self._room.heard.append(began + moment / energy)
            self._pulse = None
        if self._pulse is None and max(memoryview(frames).cast("h")) > LOUD:
            self._pulse = starts, 0.0, 0.0
        if self._pulse is not None:
            energy, moment = energy_of(frames)
            began = self._pulse[0]
            moment += (starts - began) * energy
            self._pulse = began, self._pulse[1] + energy, self._pulse[2] + moment

    def delay(self) -> float:
        return WAITING * PERIOD

    def close(self) -> None: ...


async def measure_mouth_to_ear(scene: Scene) -> list[Figure | NotMeasured]:
    """Two peers of ours on loopback, each with a card: capture, encoder, network, jitter buffer,
    decoder, and the card's own two periods.
    """
    there, back = Room(), Room()
    sides = [_side(there, back), _side(back, there)]
    async with closing(*(side for side, _, _ in sides)):
        await connect(sides[0][0], sides[1][0])
        await asyncio.sleep(WARM_UP + scene.count(30, 6))
    for _, hub, speaker in sides:
        await hub.close()
        await speaker.close()
    delays = [1000 * delay for room in (there, back) for delay in _delays(room)]
    if len(delays) < 5:
        return [NotMeasured("mouth to ear between two devices", "too little was heard")]
    cards = 1000 * (WAITING + 1) * PERIOD
    details = {**spread(delays), "ofThemCards": cards}
    name = "mouth to ear between two devices, cards included"
    return [Figure(name, statistics.median(delays), "ms", 100.0, details)]


def _side(spoken: Room, heard: Room) -> tuple[Side, AudioHub, CardSpeaker]:
    hub = AudioHub(Microphone(lambda: PulsingMicrophone(spoken), lambda _fault: None))
    speaker = CardSpeaker(lambda: ListeningPlayer(heard), lambda _fault: None)
    local = LocalStream(audio=hub, playback=Playback(speaker))
    return Side(local, ice=IceOptions(host_addresses=("127.0.0.1",))), hub, speaker


def _delays(room: Room) -> Iterator[float]:
    """Of the pulses that were heard within the time to the next; the first seconds left out."""
    for at in room.heard:
        before = [spoken for spoken in room.spoken if spoken < at]
        if before and at - before[-1] < PULSES and at > room.spoken[0] + WARM_UP:
            yield at - before[-1]


def energy_of(samples: bytes) -> tuple[float, float]:
    """Of a pulse, and its moment in seconds from the first sample: their quotient is its middle,
    which no codec moves.
    """
    energy = moment = 0.0
    for number, value in enumerate(memoryview(samples).cast("h")):
        energy += value * value
        moment += value * value * number
    return energy, moment / AUDIO_CLOCK_RATE


# --- cost


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
    with _environment(CALLBOX_AUDIO__CAPTURE=capture, CALLBOX_AUDIO__PLAYBACK=playback):
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
def _environment(**values: str) -> Iterator[None]:
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
