"""What a command costs before it does anything: its CPU time over that of a plain Python, in turns
and in one run, so that it holds for any board.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence

from tests.bench.figures import Figure, spread
from tests.bench.scene import Scene

PLAIN = "a plain Python"
COMMANDS: dict[str, tuple[str, ...]] = {
    PLAIN: ("-c", "pass"),
    "check": ("-m", "agent", "check"),
    "status": ("-m", "agent", "status"),
    "--help": ("-m", "agent", "--help"),
    "check --help": ("-m", "agent", "check", "--help"),
    "fleet --help": ("-m", "agent", "fleet", "--help"),
    "doctor --help": ("-m", "agent", "doctor", "--help"),
    "call --help": ("-m", "agent", "call", "--help"),
    "call of a wrong option": ("-m", "agent", "call", "--none"),
}


async def measure_command_start(scene: Scene) -> list[Figure]:
    # compiled, as a package is: the first turn does that, and does not count
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(scene.folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(scene.count(20, 5) + 1):
        for name, arguments in COMMANDS.items():
            used = await asyncio.to_thread(cpu_seconds_of, arguments, environment)
            if turn:
                seconds[name].append(used)
    return figures_of(seconds)


def cpu_seconds_of(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """Of a Python with these arguments, from its start to its end."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def figures_of(seconds: Mapping[str, Sequence[float]]) -> list[Figure]:
    """The medians, over that of a plain Python."""
    plain = statistics.median(seconds[PLAIN])
    return [
        Figure(
            f"CPU time of {name}" + ("" if name == PLAIN else f", over {PLAIN}"),
            1000 * plain if name == PLAIN else statistics.median(each) / plain,
            "ms" if name == PLAIN else "times",
            details={"ms": spread([1000 * value for value in each])},
        )
        for name, each in seconds.items()
    ]
