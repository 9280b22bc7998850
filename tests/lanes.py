"""`make test`: the whole suite, in lanes that run side by side.

    python -m tests.lanes [--all] [-- PYTEST ARGUMENTS]

Containers mostly wait (for a system to boot, for a watchdog to bite), so they share the machine
with everything else, and so do brokers and databases. The fast tests use both cores; of what is
seen and heard, which waits for pictures to come, two run at a time.
Each lane is a pytest of its own, which looks only into the files that say one of its markers; the
last line counts all of them together.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).parent
OUTPUT = TESTS / "output"
REAL_PARTS = (
    *("broker", "browser", "media", "camera"),
    *("systemd", "netns", "lab", "homeassistant"),
)
REAL = " or ".join(REAL_PARTS)
CONTAINERS = "camera or systemd"
LAB = f"lab and not ({CONTAINERS})"
HOME = f"homeassistant and not ({CONTAINERS}) and not lab"
# all that is seen and heard, and networks of their own
MEASURED = f"(browser or media or netns) and not ({CONTAINERS}) and not lab and not homeassistant"
BROKERS = (
    f"broker and not ({CONTAINERS}) and not (lab or homeassistant or browser or media or netns)"
)
TWO_AT_A_TIME = ("--numprocesses=2", "--dist=worksteal")
# seconds; a machine that builds every file system for the first time needs half an hour
LONGEST = 3300
EXIT_NO_TESTS = 5
# of what a failed test said, at the end of a run
LAST_LINES = 12
LONGEST_LINE = 300


@dataclass(frozen=True, slots=True)
class Step:
    """One run of pytest: its name, the markers that it takes, and further arguments. `prepare` is
    run before it in CI, where nothing may be missing.
    """

    name: str
    markers: str
    arguments: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()


# Each lane runs its steps one after the other, all lanes at the same time.
LANES: tuple[tuple[Step, ...], ...] = (
    (Step("containers", CONTAINERS),),
    (
        Step("lab", LAB, prepare=(sys.executable, "-m", "tests.lab.kernel")),
        Step("brokers", BROKERS),
        Step(
            "home assistant",
            HOME,
            prepare=(sys.executable, "-m", "tests.homeassistant.installation"),
        ),
    ),
    (
        Step("fast", f"not ({REAL})", TWO_AT_A_TIME),
        Step("real parts", MEASURED, TWO_AT_A_TIME),
    ),
)


def command(step: Step, *, every: bool, arguments: Sequence[str]) -> list[str]:
    """The pytest of a step. `every` takes the further cases of the heavy parts as well."""
    markers = step.markers if every else f"({step.markers}) and not further_case"
    report = f"--junit-xml={report_of(step)}"
    chosen = ["-m", markers, report, *step.arguments, *arguments]
    # whoever names files wants those
    named = any(not each.startswith("-") and Path(each).exists() for each in arguments)
    return [sys.executable, "-m", "pytest", *chosen, *([] if named else files_of(step))]


def files_of(step: Step) -> list[str]:
    """The files with a marker that the step takes, and the folders whose conftest has one: all
    others need not be imported. None are named where it takes tests without any.
    """
    taken = [name for name in REAL_PARTS if takes(step, {name})]
    if takes(step, ()):
        return []
    found = [file for file in TESTS.rglob("*.py") if any(says(file, name) for name in taken)]
    folders = [file.parent for file in found if file.name == "conftest.py"]
    files = [file for file in found if file.name.startswith("test_")]
    files = [file for file in files if not any(file.is_relative_to(each) for each in folders)]
    return [str(each.relative_to(TESTS.parent)) for each in sorted([*folders, *files])]


def where_said(file: Path) -> list[Path]:
    """Where `files_of` looks for the markers of a file's tests."""
    above = [folder for folder in file.parents if folder.is_relative_to(TESTS)]
    return [file, *(conftest for each in above if (conftest := each / "conftest.py").exists())]


@cache
def says(file: Path, marker: str) -> bool:
    return f"pytest.mark.{marker}" in file.read_text()


def takes(step: Step, markers: Collection[str]) -> bool:
    """Whether a step takes a test with these markers."""
    names = {name: name in markers for name in (*REAL_PARTS, "further_case", "lengthy")}
    return bool(eval(step.markers, {}, names))


def report_of(step: Step) -> Path:
    return OUTPUT / f"tests-{step.name.replace(' ', '-')}.xml"


def counts(report: Path) -> Counter[str]:
    """`passed`, `failed` and `skipped` of a JUnit report; empty where there is none."""
    found: Counter[str] = Counter()
    if not report.exists():
        return found
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
        failed = number["failures"] + number["errors"]
        found.update(failed=failed, skipped=number["skipped"])
        found.update(passed=number["tests"] - failed - number["skipped"])
    return found


def failures(report: Path) -> list[str]:
    """Each failed test of a JUnit report, with the last lines of what it said."""
    if not report.exists():
        return []
    found = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        for fault in (*case.iter("failure"), *case.iter("error")):
            said = [fault.get("message", ""), *(fault.text or "").splitlines()[-LAST_LINES:]]
            lines = "\n    ".join(line[:LONGEST_LINE] for line in "\n".join(said).splitlines())
            found.append(f"{case.get('classname')}::{case.get('name')}\n    {lines}")
    return found


async def run_step(step: Step, shell: Sequence[str]) -> int:
    """Run one pytest, and pass its lines on as they come. Returns its exit code."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *shell,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=2**20,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LONGEST):
            async for line in process.stdout:
                text = line.decode(errors="replace").rstrip()
                # pytest's own closing line would be taken for the end of the whole run
                text = re.sub(r"^=+ (.*\b(?:passed|failed|error).*) =+$", r"(\1)", text)
                print(f"[{step.name}] {text}", flush=True)
            code = await process.wait()
    except TimeoutError:
        # with all that it has started: a compiler would go on for an hour
        os.killpg(process.pid, signal.SIGKILL)
        code = await process.wait()
        print(f"[{step.name}] not over after {LONGEST} s: killed", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"[{step.name}] exit {code} after {minutes:.1f} min", flush=True)
    return code


async def run_lane(lane: Sequence[Step], *, every: bool, arguments: Sequence[str]) -> list[int]:
    codes = []
    for step in lane:
        if step.prepare and os.environ.get("CI") == "true":
            codes.append(await run_step(step, step.prepare))
        codes.append(await run_step(step, command(step, every=every, arguments=arguments)))
    return codes


async def run(*, every: bool, arguments: Sequence[str]) -> int:
    OUTPUT.mkdir(exist_ok=True)
    steps = [step for lane in LANES for step in lane]
    for step in steps:
        report_of(step).unlink(missing_ok=True)
    lanes = (run_lane(lane, every=every, arguments=arguments) for lane in LANES)
    codes = [code for each in await asyncio.gather(*lanes) for code in each]
    total: Counter[str] = Counter()
    for step in steps:
        total += counts(report_of(step))
        # once more, together: a lane that ends early has said it thousands of lines before
        for failure in failures(report_of(step)):
            print(f"FAILED [{step.name}] {failure}", flush=True)
    # a choice of tests (`-- -k NAME`) may leave a lane empty, but not all of them
    wrong = [code for code in codes if code != 0 and not (arguments and code == EXIT_NO_TESTS)]
    failed = total["failed"] or (1 if wrong or not total["passed"] else 0)
    print(f"{total['passed']} passed, {failed} failed, {total['skipped']} skipped", flush=True)
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lanes", description=__doc__)
    parser.add_argument("--all", action="store_true", help="every case of the heavy parts")
    parser.add_argument("arguments", nargs="*", help="for each pytest, behind --")
    options = parser.parse_args()
    os.chdir(Path(__file__).parent.parent)
    return asyncio.run(run(every=options.all, arguments=options.arguments))


if __name__ == "__main__":
    sys.exit(main())
