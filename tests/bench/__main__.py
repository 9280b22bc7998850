"""Measures what the project promises, on this machine, side by side where it is a ratio.

python -m tests.bench [--only NAME]... [--quick] [--minutes N] [--messages N] [--json FILE]

Prints a table and writes JSON. The exit code is 0 whatever was measured (a busy machine is no
fault), and 1 where something could not be measured because it broke.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from _pytest.outcomes import Skipped

from tests.bench import (
    attack,
    broker_return,
    datagrams,
    endurance,
    fleet,
    fleet_kills,
    fleet_page,
    flood,
    fuzz,
    handshakes,
    hostile_calls,
    kills,
    latency,
    many_devices,
    memory,
    page,
    setup_time,
    side_by_side,
    soak,
    sound,
)
from tests.bench.command_start import measure_command_start
from tests.bench.crossed import measure_crossed
from tests.bench.dead_servers import measure_dead_servers
from tests.bench.figures import Figure, NotMeasured, machine, table
from tests.bench.foreign_stacks import measure_foreign
from tests.bench.holes import measure_holes
from tests.bench.home_assistant import measure_home_assistant, measure_home_restarts
from tests.bench.page_rings import measure_page_rings
from tests.bench.rings import measure_ring_kills, measure_rings
from tests.bench.scene import Scene
from tests.bench.sound_memory import measure_sound_memory
from tests.bench.speech_quality import measure_speech_quality

# of a device whose bench failed
LOG_LINES = 40
OUTPUT = Path(__file__).parent.parent / "output" / "bench.json"

BENCHES: dict[str, Callable[[Scene], Awaitable[Sequence[Figure | NotMeasured]]]] = {
    "answer": setup_time.measure_answers,
    "command-start": measure_command_start,
    "crossed": measure_crossed,
    "dead_servers": measure_dead_servers,
    "first-frame": setup_time.measure_first_frames,
    "foreign": measure_foreign,
    "holes": measure_holes,
    "home-assistant": measure_home_assistant,
    "home-restarts": measure_home_restarts,
    "latency-chromium": latency.measure_in_chromium,
    "latency-aiortc": latency.measure_in_aiortc,
    "memory": memory.measure_memory,
    "senders": side_by_side.measure_senders,
    "viewers": side_by_side.measure_viewers,
    "page-click": page.measure_clicks,
    "page-rings": measure_page_rings,
    "demo-start": page.measure_demo,
    "broker-return": broker_return.measure_broker_return,
    "flood": flood.measure_flood,
    "kills": kills.measure_kills,
    "rings": measure_rings,
    "ring-kills": measure_ring_kills,
    "soak": soak.measure_soak,
    "sound": sound.measure_sound,
    "sound-memory": measure_sound_memory,
    "speech": measure_speech_quality,
    "endurance": endurance.measure_endurance,
    "fuzz": fuzz.measure_fuzz,
    "datagrams": datagrams.measure_datagrams,
    "attack": attack.measure_attack,
    "fleet": fleet.measure_fleet,
    "fleet-kills": fleet_kills.measure_fleet_kills,
    "fleet-page": fleet_page.measure_fleet_page,
    "many-devices": many_devices.measure_many_devices,
    "handshakes": handshakes.measure_handshakes,
    "hostile": hostile_calls.measure_hostile_calls,
}
# Only where they are asked for, and without keeping the machine from others.
LONG = (
    "attack",
    "broker-return",
    "crossed",
    "datagrams",
    "endurance",
    "fleet",
    "fleet-kills",
    "fleet-page",
    "foreign",
    "fuzz",
    "handshakes",
    "home-assistant",
    "home-restarts",
    "hostile",
    "kills",
    "many-devices",
    "soak",
)
DEFAULT = [name for name in BENCHES if name not in LONG]


def take_precedence() -> bool:
    """Go before the rest of the machine, as far as the system lets us; the processes started from
    here inherit it.
    """
    with contextlib.suppress(PermissionError):
        os.nice(-15)
    return os.nice(0) < 0


async def run(names: list[str], *, quick: bool, **amounts: float) -> dict[str, Any]:
    where = machine() | {"precedence": not set(LONG).issuperset(names) and take_precedence()}
    left_out = {name: f"takes long; ask with --only {name}" for name in LONG if names == DEFAULT}
    report: dict[str, Any] = {
        "machine": where,
        "quick": quick,
        "figures": [],
        "not_measured": left_out,
    }
    figures: list[Figure] = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            found = await measure(name, quick=quick, **amounts)
        except Skipped as reason:
            report["not_measured"][name] = str(reason)
            continue
        except Exception as error:  # noqa: BLE001 - the others are measured all the same
            report["not_measured"][name] = report["failed"] = f"{type(error).__name__}: {error}"
            traceback.print_exception(error)
            continue
        measured = [each for each in found if isinstance(each, Figure)]
        report["not_measured"] |= {
            each.name: each.reason for each in found if isinstance(each, NotMeasured)
        }
        figures += measured
        report["figures"] += [{"bench": name, **figure.as_json()} for figure in measured]
        print(
            f"{table(measured)}\n({time.monotonic() - started:.0f} s)\n",
            file=sys.stderr,
            flush=True,
        )
    where["load_after"] = machine()["load"]
    _show(report, figures)
    return report


async def measure(name: str, *, quick: bool, **amounts: float) -> Sequence[Figure | NotMeasured]:
    with tempfile.TemporaryDirectory(prefix="callbox-bench-") as folder:
        try:
            async with Scene.set(Path(folder), quick=quick, **amounts) as scene:
                return await BENCHES[name](scene)
        except Exception:
            log = Path(folder) / "device.log"
            if log.exists():
                print(*log.read_text().splitlines()[-LOG_LINES:], sep="\n", file=sys.stderr)
            raise


def _show(report: dict[str, Any], figures: list[Figure]) -> None:
    where = report["machine"]
    print(
        f"{where['cpu']}, {where['cores']} cores, load {where['load'][0]} before and "
        f"{where['load_after'][0]} after"
    )
    print(
        f"{where['system']}, Python {where['python']}, aiortc {where['aiortc']}, PyAV {where['av']}"
    )
    print(
        "with precedence over other processes\n"
        if where["precedence"]
        else "without precedence over other processes\n"
    )
    print(table(figures))
    for name, reason in report["not_measured"].items():
        print(f"not measured: {name}: {reason}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", choices=BENCHES, metavar="NAME", help=", ".join(BENCHES)
    )
    parser.add_argument("--quick", action="store_true", help="fewer calls, shorter ones")
    parser.add_argument(
        "--minutes",
        type=float,
        metavar="N",
        help="of soak (default: 30), endurance (20) and fleet (5)",
    )
    parser.add_argument(
        "--messages",
        type=int,
        metavar="N",
        help=f"of fuzz (default: {fuzz.MESSAGES}), datagrams (default: {datagrams.DATAGRAMS}), and "
        f"calls of hostile (default: {hostile_calls.CALLS}), kills of fleet-kills "
        f"(default: {fleet_kills.KILLS})",
    )
    parser.add_argument(
        "--json", type=Path, default=OUTPUT, metavar="FILE", help="default: tests/output/bench.json"
    )
    arguments = parser.parse_args()
    amounts = {
        name: value
        for name in ("minutes", "messages")
        if (value := getattr(arguments, name)) is not None
    }
    report = asyncio.run(run(arguments.only or DEFAULT, quick=arguments.quick, **amounts))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    if "failed" in report:
        sys.exit(1)


if __name__ == "__main__":
    main()
