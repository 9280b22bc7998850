"""What sound holds in memory: configured and idle, in a call, and with echo canceled."""

from __future__ import annotations

import asyncio

from tests.bench.figures import Figure
from tests.bench.memory import SETTLE
from tests.bench.process import Usage, usage
from tests.bench.scene import Scene
from tests.bench.sound import environment
from tests.e2e.device import call, device
from tests.media.sound.pulse import MICROPHONE, SPEAKER, running_pulse

IDLE_TARGET, CANCELING_TARGET = 3.0, 25.0
"""MiB more than without sound"""
_KINDS = {
    "nothing": {"CAPTURE": "none", "PLAYBACK": "none"},
    "both ends of a card": {"ECHO": "off", "NOISE": "off", "GAIN": "off", "MODE": "duplex"},
    "both ends and a canceller": {"ECHO": "cancel"},
}


async def measure_sound_memory(scene: Scene) -> list[Figure]:
    """Of a whole device with the test picture, on a sound server's null sinks."""
    idle, busy = dict[str, Usage](), dict[str, Usage]()
    with running_pulse(scene.folder) as pulse:
        for name, kind in _KINDS.items():
            ends = {"CAPTURE": f"alsa:{MICROPHONE}", "PLAYBACK": f"alsa:{SPEAKER}", **kind}
            variables = {f"CALLBOX_AUDIO__{key}": value for key, value in ends.items()}
            with environment(ALSA_CONFIG_PATH=str(pulse.configuration), **variables):
                idle[name], busy[name] = await _measure(scene)
    nothing, card, canceller = _KINDS
    return [
        _more("configured and idle", idle[canceller], idle[nothing], IDLE_TARGET),
        _more("in a call", busy[card], busy[nothing], None),
        _more("in a call, with a canceller", busy[canceller], busy[nothing], CANCELING_TARGET),
    ]


async def _measure(scene: Scene) -> tuple[Usage, Usage]:
    """Idle, and in a call."""
    seconds = scene.count(12, 6)
    async with device(scene.folder, scene.mosquitto, scene.watcher) as running:
        await asyncio.sleep(SETTLE)
        idle, seen = usage(running.pid), len(scene.watcher.messages)
        caller = await call(
            scene.folder, scene.mosquitto, "--seconds", str(seconds + 5), "--audio", "pattern"
        )
        await scene.watcher.wait("door-1/events/local_stats", after=seen)
        await asyncio.sleep(seconds)
        busy = usage(running.pid)
        await caller.end()
    return idle, busy


def _more(name: str, one: Usage, other: Usage, target: float | None) -> Figure:
    """Of its own, as what is shared with other programs costs no more."""
    details = {"resident": round(one.resident - other.resident, 2)}
    more = one.private - other.private
    return Figure(f"memory that sound adds, {name}", more, "MiB", target, details)
