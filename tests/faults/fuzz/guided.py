"""Coverage-guided fuzzing of every entry point, by atheris: what makes the code go a new way is
kept and changed on.

python -m tests.faults.fuzz.guided [--seconds N] [ENTRY]...

Each entry has a process of its own. What was found stays below tests/output/fuzz, so that the next
run goes on from there. What breaks an entry is written to tests/data/fuzz/ENTRY, where
test_corpus.py replays it from then on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from random import Random

from tests.faults.fuzz import datagrams, mutations
from tests.faults.fuzz.entries import ENTRIES

CORPUS = Path(__file__).parents[2] / "data" / "fuzz"
WIRE = Path(__file__).parents[2] / "data" / "wire"
SCRATCH = Path(__file__).parents[2] / "output" / "fuzz"
SECONDS = 60
# bytes of one input; what is longer is found by mutations and counted in test_work.py
LONGEST = 16 * 1024
# seconds that one input may take, on a machine that does other things as well
SLOW = 5
SEEDS = 50


def seeds(entry: str) -> list[bytes]:
    """Something to start from."""
    wire = [path.read_bytes() for path in sorted(WIRE.glob("*.json"))]
    found: dict[str, list[bytes]] = {
        "signal": wire + [mutations.message(Random(seed)) for seed in range(SEEDS)],
        "command": [
            verb.encode() + b"\n" + payload
            for verb, payload in (mutations.command(Random(s)) for s in range(SEEDS))
        ],
        "topic": [
            mutations.topic(Random(seed)).encode("utf-8", "replace") for seed in range(SEEDS)
        ],
        "description": [
            mutations.description(Random(seed)).encode("utf-8", "replace") for seed in range(SEEDS)
        ],
        "candidate": [
            mutations.candidate(Random(seed)).encode("utf-8", "replace") for seed in range(SEEDS)
        ],
        "time": [
            b"2027-01-15T08:00:00.000Z",
            b"9999-12-31T23:59:59+00:00",
            b"0001-01-01T00:00:00.5-23:59",
        ],
        "datagram": [
            bytes([layer]) + datagrams.mutated(Random(seed), name)
            for layer, name in enumerate(datagrams.LAYERS)
            for seed in range(SEEDS)
        ],
        **{
            entry: [datagrams.mutated(Random(seed), layer) for seed in range(SEEDS)]
            for entry, layer in datagrams.ENTRIES.items()
        },
        "client": [Random(seed).randbytes(80) for seed in range(SEEDS)],
    }
    return [data for data in found[entry] if len(data) <= LONGEST]


def fuzz(entry: str, seconds: int) -> int:
    """Run one entry's fuzzer. Returns its exit code: 0 where nothing was found."""
    scratch, kept = SCRATCH / entry, CORPUS / entry
    for folder in (scratch, kept):
        folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(entry)):
        (scratch / f"seed-{number}").write_bytes(data)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-timeout={SLOW}",
        f"-artifact_prefix={kept}/",
        "-verbosity=0",
    ]
    command = [
        sys.executable,
        "-m",
        "tests.faults.fuzz.harness",
        entry,
        *options,
        "-print_final_stats=1",
    ]
    return subprocess.run([*command, str(scratch), str(kept)], check=False).returncode


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=int, default=SECONDS, metavar="N", help=f"of each; default: {SECONDS}"
    )
    parser.add_argument(
        "entry", nargs="*", choices=[*ENTRIES, []], metavar="ENTRY", help=", ".join(ENTRIES)
    )
    arguments = parser.parse_args()
    codes = {entry: fuzz(entry, arguments.seconds) for entry in arguments.entry or ENTRIES}
    broken = [entry for entry, code in codes.items() if code]
    print(f"broken: {', '.join(broken)}; see tests/data/fuzz" if broken else "nothing was found")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
