"""A link between two network namespaces whose delay, loss and rate can be changed while it carries
traffic.

Two TUN devices, one in each namespace, and this module as a program between them: the kernels of
small machines often lack netem. Needs root. The namespaces live as long as the processes in them,
so nothing is left behind.

    python -m tests.faults.links PID_OF_NEAR PID_OF_FAR

takes lines of JSON on its input (fields of `Conditions` to change; an empty object only asks) and
answers each with the `Passage`s of both directions, near to far first.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import random
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from tests.parts import missing, require_part
from tests.waiting import PATIENCE

NEAR, FAR = "10.77.0.1", "10.77.0.2"
# what the near side moves to
NEAR_LATER = "10.77.0.3"
# seconds in one entry of a passage's history
SLICE = 0.1
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI, _CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000
_MAX_PACKET = 65_536
# packets read before others get their turn
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of both directions, but for `rate` and `uplink`, which are the near side's way out. A rate of
    0 is no limit.
    """

    delay: float = 0.0  # seconds, one way
    loss: float = 0.0  # 0..1, at random
    # bit/s on the wire
    rate: float = 0.0
    # bytes that wait for their turn, sixty full packets; what comes when it is full is lost
    queue: int = 75_000
    up: bool = True
    # whether anything of the near side gets out
    uplink: bool = True
    # bytes of an IP packet; a larger one is lost without a word. 0 is no limit.
    largest: int = 0


@dataclass(slots=True)
class Passage:
    """One direction so far. `history`: bytes offered in each `SLICE` seconds since the link was
    made.
    """

    packets: int = 0
    # at random, by their size, and while it was down
    lost: int = 0
    overflowed: int = 0
    history: list[int] = field(default_factory=list)
    # seconds in the queue, since it was last asked for
    longest_wait: float = 0.0


class Link:
    """The link's program, seen from the one who starts it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lock = asyncio.Lock()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def change(self, **conditions: Any) -> tuple[Passage, Passage]:
        """Change some `Conditions`; returns what has passed up to now, near to far and far to
        near.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._lock:
            self._process.stdin.write(json.dumps(conditions).encode() + b"\n")
            answer = json.loads(await self._process.stdout.readline())
        return Passage(**answer[0]), Passage(**answer[1])

    async def passages(self) -> tuple[Passage, Passage]:
        return await self.change()


class Namespace(NamedTuple):
    """A network of its own: whoever is started by `command` sees no other."""

    pid: int

    def command(self, *arguments: str) -> list[str]:
        return [
            require_part("nsenter", "util-linux"),
            f"--net=/proc/{self.pid}/ns/net",
            "--",
            *arguments,
        ]

    def listen(self, port: int, host: str = "127.0.0.1") -> socket.socket:
        """A listening socket in this namespace, for use out here."""
        return self.run(lambda: socket.create_server((host, port)))

    def run(self, make: Callable[[], socket.socket]) -> socket.socket:
        """A socket that is made in this namespace."""
        made: list[socket.socket | OSError] = []

        # a namespace belongs to a thread
        def work() -> None:
            with Path(f"/proc/{self.pid}/ns/net").open() as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET):
                    made.append(OSError(ctypes.get_errno(), "setns"))
                    return
            made.append(make())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]


class Network(NamedTuple):
    near: Namespace
    far: Namespace
    link: Link

    async def move(self) -> None:
        """The near side gets another address, and loses the one that it had."""
        near, far = device_names(self.link.pid)
        for namespace, command in (
            (self.far, ("route", "add", NEAR_LATER, "dev", far)),
            (self.near, ("address", "del", NEAR, "peer", FAR, "dev", near)),
            (self.near, ("address", "add", NEAR_LATER, "peer", FAR, "dev", near)),
        ):
            process = await asyncio.create_subprocess_exec(*namespace.command("ip", *command))
            assert await process.wait() == 0, command


def require_namespaces() -> None:
    """Skip, with the reason, where there can be no namespaces or no TUN devices."""
    require_part("ip", "iproute2")
    unshare = require_part("unshare", "util-linux")
    if os.geteuid() != 0:
        missing("network namespaces need root")
    if not Path("/dev/net/tun").exists():
        missing("/dev/net/tun is not there: no link can be made between namespaces")
    if subprocess.run([unshare, "--net", "true"], check=False, capture_output=True).returncode:
        missing("this system lets nobody make network namespaces")


@asynccontextmanager
async def network(**conditions: Any) -> AsyncIterator[Network]:
    """Two namespaces and the link between them, under these `Conditions`."""
    require_namespaces()
    async with AsyncExitStack() as stack:
        near = await stack.enter_async_context(_namespace())
        far = await stack.enter_async_context(_namespace())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.faults.links", str(near.pid), str(far.pid)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 22,
        )
        stack.push_async_callback(_end, process)
        link = Link(process)
        async with asyncio.timeout(PATIENCE):
            await link.change(**conditions)
        yield Network(near, far, link)


@asynccontextmanager
async def _namespace() -> AsyncIterator[Namespace]:
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--net", "sh", "-c", "echo made; exec sleep infinity"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield Namespace(process.pid)
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
    process._transport.close()  # type: ignore[attr-defined]


# --- the program


class Direction:
    """Packets from one TUN device to the other: a queue served at a rate, then a delay."""

    def __init__(self, source: int, target: int, *, limited: bool) -> None:
        self.conditions = Conditions()
        self.passage = Passage()
        self._source, self._target, self._limited = source, target, limited
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        # when what waits has left
        self._free_at = 0.0
        self._arrives_at = 0.0
        self._loop.add_reader(source, self._read)

    def report(self) -> dict[str, Any]:
        self._slice(self._loop.time())
        report = asdict(self.passage)
        self.passage.longest_wait = 0.0
        return report

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(_AT_ONCE):
                self._pass(os.read(self._source, _MAX_PACKET), self._loop.time())

    def _pass(self, packet: bytes, now: float) -> None:
        conditions, passage = self.conditions, self.passage
        passage.packets += 1
        passage.history[self._slice(now)] += len(packet)
        too_large = 0 < conditions.largest < len(packet)
        up = conditions.up and (conditions.uplink or not self._limited)
        if not up or too_large or random.random() < conditions.loss:
            passage.lost += 1
            return
        rate = conditions.rate if self._limited else 0.0
        waiting = max(0.0, self._free_at - now) * rate / 8  # bytes
        if rate and waiting + len(packet) > conditions.queue:
            passage.overflowed += 1
            return
        leaves_at = max(now, self._free_at) + (8 * len(packet) / rate if rate else 0.0)
        passage.longest_wait = max(passage.longest_wait, leaves_at - now)
        self._free_at = leaves_at
        # none overtakes another
        self._arrives_at = max(self._arrives_at, leaves_at + conditions.delay)
        self._loop.call_at(self._arrives_at, self._write, packet)

    def _write(self, packet: bytes) -> None:
        # a device that is down, or whose queue is full: lost as on any link
        with contextlib.suppress(OSError):
            os.write(self._target, packet)

    def _slice(self, now: float) -> int:
        """The entry of the history for `now`."""
        index = int((now - self._started) / SLICE)
        self.passage.history += [0] * (index + 1 - len(self.passage.history))
        return index


def device_names(pid: int) -> tuple[str, str]:
    """Near and far, of the link that this process is: several may be made at a time."""
    return f"n{pid}", f"f{pid}"


def open_device(name: str, pid: int, address: str, peer: str) -> int:
    """A TUN device in the namespace of `pid`; packets are read and written here."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(
        descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI)
    )
    inside = Namespace(pid).command("ip")
    for command in (
        ["ip", "link", "set", name, "netns", str(pid)],
        [*inside, "address", "add", address, "peer", peer, "dev", name],
        [*inside, "link", "set", name, "mtu", "1500", "up"],
        [*inside, "link", "set", "lo", "up"],
    ):
        subprocess.run(command, check=True)
    return descriptor


async def serve(near: int, far: int) -> None:
    names = device_names(os.getpid())
    one, other = open_device(names[0], near, NEAR, FAR), open_device(names[1], far, FAR, NEAR)
    directions = [Direction(one, other, limited=True), Direction(other, one, limited=False)]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        for direction in directions:
            direction.conditions = replace(direction.conditions, **json.loads(line))
        print(json.dumps([direction.report() for direction in directions]), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
