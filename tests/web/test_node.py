"""The page's scripts without a browser: Node's own test runner, one test of ours for each of its
files.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.parts import missing, require_part
from tests.waiting import PATIENCE

FOLDER = Path(__file__).parent
CLIENT = FOLDER.parent.parent / "agent" / "web" / "callbox"
FAKES = FOLDER.parent / "fakes" / "web"
# the first Node whose test runner has a clock to mock that includes `Date`
OLDEST = 20
# seconds for one file, which computes, where the machine may have no time for it; less than pytest
# gives a test
LONGEST = 280.0
# one in a loop is several
_TEST = re.compile(r"\b(?:test|it)\(")


async def run(*command: str) -> tuple[int, str]:
    """Exit code, and everything that was written."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=FOLDER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(LONGEST):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace")


@cache
def version_of(node: str) -> str:
    return subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout


async def require_node() -> str:
    node = require_part("node", "nodejs")
    version = version_of(node)
    if int(version.strip().removeprefix("v").partition(".")[0]) < OLDEST:
        missing(f"Node {version.strip()} is too old: {OLDEST} or newer is needed")
    return node


LENGTHY = {"callbox/any-order.test.js"}
# Pure rules and values: they keep nothing and put nothing in the place of anything, so the files of
# a folder share a process, whose start takes longer than what they try.
PURE = ("callbox/protocol", "callbox/rules", "callbox/statistics")
SCRIPTS = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.test.js"))
TOGETHER = {folder: [each for each in SCRIPTS if each.startswith(f"{folder}/")] for folder in PURE}
ALONE = [each for each in SCRIPTS if not each.startswith(PURE)]


async def passed(*arguments: str) -> int:
    """How many tests the scripts of a process have; fails where one of them does."""
    code, output = await run(await require_node(), "--test-reporter=tap", *arguments)
    assert code == 0, output
    (count,) = re.findall(r"^# pass (\d+)$", output, re.MULTILINE)
    return int(count)


@pytest.mark.parametrize(
    "script",
    [pytest.param(each, marks=[pytest.mark.lengthy] if each in LENGTHY else []) for each in ALONE],
)
async def test_node_runs(script: str) -> None:
    # the file itself is the runner's process: `--test` would start one more for each
    assert await passed(script)


@pytest.mark.parametrize("folder", PURE)
async def test_node_runs_all_of(folder: str) -> None:
    scripts = TOGETHER[folder]
    tests = [len(_TEST.findall((FOLDER / each).read_text())) for each in scripts]
    assert all(tests), f"one without a test: {scripts}"
    imports = [word for each in scripts for word in ("--import", f"./{each}")]
    assert await passed(*imports, "--eval", "0") >= sum(tests)


def test_modules_of_the_client_have_a_test_each() -> None:
    """At the mirrored place."""
    modules = {path.relative_to(CLIENT).with_suffix("") for path in CLIENT.rglob("*.js")}
    tests = FOLDER / "callbox"
    tested = {
        path.relative_to(tests).with_suffix("").with_suffix("") for path in tests.rglob("*.test.js")
    }
    assert modules
    assert sorted(modules - tested) == []


def test_scripts_need_nothing_installed() -> None:
    """The scripts import Node's own modules and files of the project, no package."""
    imported = [
        name
        for script in (*FOLDER.rglob("*.js"), *FAKES.glob("*.js"))
        for name in re.findall(
            r"""^import\b[^"';]*["']([^"']+)["']""", script.read_text(), re.MULTILINE
        )
    ]
    assert imported
    assert [name for name in imported if not name.startswith(("./", "../", "node:"))] == []
