"""Other people's WebRTC, each in a process of its own that speaks JSON, a value a line.

It is started as `offer` or `answer`. What it says: `{"type": "offer" | "answer", "sdp"}` once every
candidate is in it, `{"type": "connected"}`, `{"type": "media", "kind"}` at the first packet of a
kind, `{"type": "picture"}` at the first one that is whole (shown, where it shows pictures),
`{"type": "key_frame"}` at each, `{"type": "ended", "state"}`. What it is told:
`{"do": "describe", "sdp"}` with the other side's description, `{"do": "key_frame"}` (a PLI),
`{"do": "full_intra_request"}`, `{"do": "close"}`, and those that start again `{"do": "again"}`: to
be as they were when they started.

Each stack calls and is called, sends sound, shows picture and sound, asks for a key frame by PLI
and by FIR, gets back what the path lost, moves to a fresh transport, and is hung up on or hangs up
itself. `Kind.cannot` says what of it a stack cannot do, and why.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.parts import missing, require_part
from tests.waiting import PATIENCE

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "callbox" / "foreign"
NPM_PACKAGES = ("werift@0.25", "node-datachannel@0.33")
GO_PACKAGES = Path("/usr/share/gocode")
# One picture of 128x96 as the payload of one RTP packet (STAP-A: parameter sets, IDR), for stacks
# that have no encoder.
PICTURE = (
    "7800156742c00adc20da10000003001000000301e8f12278000568ce0392c8002d6588843f118a31d8ed"
    "f7df7df7df5d75d75d75d75d75d75d75d75d75d75d75d75d75d75d75d75d75d75d75d780"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A stack: how its program is started for a role, and what of the contract it cannot do.

    `cannot` has a reason for each of `CELLS` that is left out. What `starts_again` makes many calls
    in a life: a browser, and a program in JavaScript, whose first call is the one that compiles it.
    `pauses` are seconds, by role, in which it waits for the time alone.
    """

    name: str
    command: Callable[[str], list[str]]
    cannot: Mapping[str, str] = field(default_factory=dict)
    starts_again: bool = False
    pauses: Mapping[str, float] = field(default_factory=dict)

    def can(self, cell: str) -> bool:
        assert cell in CELLS
        return cell not in self.cannot


class Stack:
    """One running peer of a foreign stack."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: list[dict[str, Any]] = []
        # of each kind of line, seconds since the epoch when the first one came
        self.times: dict[str, float] = {}
        self._heard = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            # a library may print what it likes between the lines that are ours
            if line.startswith(b"{"):
                async with self._heard:
                    self._said.append(json.loads(line))
                    self.times.setdefault(self._said[-1]["type"], time.time())
                    self._heard.notify_all()
        async with self._heard:
            self._said.append({"type": "exited"})
            self._heard.notify_all()

    async def start_again(self) -> None:
        self._said.clear()
        self.times.clear()
        await self.do("again")

    def count(self, kind: str) -> int:
        return sum(each["type"] == kind for each in self._said)

    async def wait(self, what: str, *, at_least: int = 1, **fields: str) -> dict[str, Any]:
        """The first line of that type with those fields, once there are so many."""

        def found() -> list[dict[str, Any]]:
            wanted = {"type": what, **fields}
            return [each for each in self._said if wanted.items() <= each.items()]

        def over() -> bool:
            return len(found()) >= at_least or self.count("exited") > 0

        try:
            async with asyncio.timeout(PATIENCE), self._heard:
                await self._heard.wait_for(over)
        except TimeoutError:
            raise AssertionError(f"no {what} {fields}; said: {self.types()}") from None
        assert len(found()) >= at_least, f"no {what} {fields}, and it ended; said: {self.types()}"
        return found()[0]

    def types(self) -> list[str]:
        return [f"{each['type']} {each.get('kind', '')}".strip() for each in self._said]

    async def do(self, what: str, **fields: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **fields}).encode() + b"\n")
        await self._process.stdin.drain()

    async def close(self) -> None:
        """End it, in good order where it still listens."""
        if self._process.returncode is None and self._process.stdin is not None:
            try:
                await self.do("close")
                self._process.stdin.close()
                async with asyncio.timeout(5):
                    await self._process.wait()
            except (TimeoutError, ConnectionError):
                self._process.kill()
                await self._process.wait()
        await self._reader


@asynccontextmanager
async def running(kind: Kind, role: str, log: Path) -> AsyncIterator[Stack]:
    """A peer of that kind, as `offer` or `answer`; its standard error goes to `log`."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *kind.command(role),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=2**20,
        )
    stack = Stack(process)
    try:
        yield stack
    finally:
        await stack.close()


# -- how each is had ----------------------------------------------------------------------------


@contextmanager
def prepared(name: str) -> Iterator[Path]:
    """The folder of a part that is built once; one builder at a time."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def node(program: str) -> Callable[[str], list[str]]:
    def command(role: str) -> list[str]:
        packages = str(npm_packages())
        return [require_part("node", "nodejs"), str(HERE / program), role, packages, PICTURE]

    return command


def npm_packages() -> Path:
    npm = require_part("npm")
    with prepared("npm") as folder:
        marker = folder / "installed"
        wanted = "\n".join(NPM_PACKAGES)
        if not marker.exists() or marker.read_text() != wanted:
            (folder / "package.json").write_text('{"private": true}\n')
            install(
                [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", *NPM_PACKAGES],
                folder,
            )
            marker.write_text(wanted)
        return folder


def pion(role: str) -> list[str]:
    go = require_part("go", "golang-go")
    if not (GO_PACKAGES / "src/github.com/pion/webrtc").exists():
        missing("pion is not installed (apt-get install golang-github-pion-webrtc.v3-dev)")
    source = (HERE / "pion_stack.go").read_text()
    with prepared("pion") as folder:
        program, package = folder / "pion", folder / "path/src/callbox.test/foreign"
        built_of = folder / "main.go"
        if not program.exists() or not built_of.exists() or built_of.read_text() != source:
            package.mkdir(parents=True, exist_ok=True)
            (package / "main.go").write_text(source)
            # without a module file Debian's packages of a second version are not found
            (package / "go.mod").write_text("module callbox.test/foreign\n\ngo 1.19\n")
            paths = {"GO111MODULE": "off", "GOPATH": f"{folder / 'path'}:{GO_PACKAGES}"}
            install([go, "build", "-o", str(program), "."], package, paths)
            built_of.write_text(source)
    return [str(program), role, PICTURE]


def install(command: Sequence[str], folder: Path, env: dict[str, str] | None = None) -> None:
    result = subprocess.run(
        command, cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, check=False
    )
    if result.returncode:
        missing(f"{' '.join(command[:2])} failed: {result.stderr.decode(errors='replace')[-400:]}")


def gstreamer(role: str) -> list[str]:
    """With Debian's Python, whose packages GStreamer's bindings are."""
    python = shutil.which("python3", path=os.defpath) or "python3"
    check = "import gi; gi.require_version('GstWebRTC', '1.0'); gi.require_version('GstSdp', '1.0')"
    if subprocess.run([python, "-c", check], capture_output=True, check=False).returncode:
        missing("GStreamer's webrtcbin is not installed (tests/provision.sh names its packages)")
    return [python, str(HERE / "gstreamer_stack.py"), role]


def aiortc(role: str) -> list[str]:
    return [sys.executable, str(HERE / "aiortc_stack.py"), role]


def browser(name: str, package: str) -> Callable[[str], list[str]]:
    def command(role: str) -> list[str]:
        program = require_part(package)
        return [sys.executable, str(HERE / "browser_stack.py"), name, role, program]

    return command


# what a stack may be unable to do; all else each of them does
CELLS = ("sends video", "asks by FIR", "gets lost packets again")
_LIBWEBRTC = "browsers ask by PLI, even where a description offers FIR alone"
_LIBAVCODEC = (
    "Debian's Firefox encodes H.264 by libavcodec's libx264, which holds 41 pictures back: by then "
    "they are forgotten, and none is sent; Mozilla's OpenH264 is a download"
)
STACKS = (
    Kind("aiortc", aiortc),
    Kind(
        "chromium", browser("chromium", "chromium"), {"asks by FIR": _LIBWEBRTC}, starts_again=True
    ),
    Kind(
        "firefox",
        browser("firefox", "firefox-esr"),
        {"sends video": _LIBAVCODEC, "asks by FIR": _LIBWEBRTC},
        starts_again=True,
    ),
    # what its pipeline tells its jitter buffer to hold back
    Kind("gstreamer", gstreamer, pauses={"offer": 0.02, "answer": 0.02}),
    Kind(
        "libdatachannel",
        node("datachannel_stack.mjs"),
        {"gets lost packets again": "it sends no NACK; it asks for a key frame"},
    ),
    Kind("pion", pion),
    Kind(
        "werift",
        node("werift_stack.mjs"),
        starts_again=True,
        # before the first packet of a DTLS client, which it is where it answers
        pauses={"answer": 0.1},
    ),
)
