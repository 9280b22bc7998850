"""Strangers, each kind of them in a process of its own.

python -m tests.bench.attackers datagrams HOST PORT RATE: every hostile kind so often a second
python -m tests.bench.attackers pages PORT RATE: TLS connections to the page
python -m tests.bench.attackers handshakes PORT RATE: TLS handshakes, and no more
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.webrtc.strangers import HOSTILE

LOOPBACK = "127.0.0.1"
# sockets of strangers, and addresses of those who open the page
SOCKETS, SOURCES = 16, 20
# seconds for which one keeps a connection on which he says nothing
SILENCE = 3.0
# seconds, on a machine that does other things as well
STARTED_WITHIN = 120.0
# connections of one stranger's process at the same time
OPEN_AT_ONCE = 200


@asynccontextmanager
async def attacker(kind: str, *arguments: object) -> AsyncIterator[None]:
    """At work, until it is left."""
    async with process("tests.bench.attackers", kind, *map(str, arguments)):
        yield


@asynccontextmanager
async def process(module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python module that writes a line once it is ready. Killed on leaving."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert started.stdout is not None
    try:
        async with asyncio.timeout(STARTED_WITHIN):
            await started.stdout.readline()
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.wait()


def send_datagrams(host: str, port: int, rate: float) -> None:
    """All kinds in turn. Does not return."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(SOCKETS)]
    print("ready", flush=True)
    began = time.monotonic()
    for number, sender in enumerate(itertools.cycle(sockets)):
        for data in HOSTILE.values():
            # an address that answers "nobody is here" is told of at the next packet
            with contextlib.suppress(OSError):
                sender.sendto(data, (host, port))
        time.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))


async def open_pages(port: int, rate: float) -> None:
    """A wrong password, the WebSocket of another site, silence after TLS, silence before it."""
    kinds = itertools.cycle((_guess, _foreign_site, _silent_in_tls, _silent))
    await _keep_opening(rate, lambda number: next(kinds)(port, _source(number)))


async def shake_hands(port: int, rate: float) -> None:
    async def once(_number: int) -> None:
        _, writer = await _open(port, LOOPBACK, _anything())
        writer.close()

    await _keep_opening(rate, once)


async def _keep_opening(rate: float, opened: Callable[[int], Awaitable[None]]) -> None:
    """Open so many a second, whatever comes of them. Does not return."""
    print("ready", flush=True)
    began, tasks = time.monotonic(), set[asyncio.Task[None]]()
    for number in itertools.count(1):
        if len(tasks) < OPEN_AT_ONCE:
            task = asyncio.ensure_future(_whatever_comes(opened(number)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))


async def _whatever_comes(connection: Awaitable[None]) -> None:
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(2 * SILENCE):
            await connection


async def _guess(port: int, source: str) -> None:
    password = base64.b64encode(b"x:guess").decode()
    await _request(port, source, "/", f"Authorization: Basic {password}")


async def _foreign_site(port: int, source: str) -> None:
    await _request(port, source, "/mqtt", "Upgrade: websocket", "Origin: https://evil.example")


async def _request(port: int, source: str, path: str, *headers: str) -> None:
    reader, writer = await _open(port, source, _anything())
    lines = [f"GET {path} HTTP/1.1", f"Host: {LOOPBACK}:{port}", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    await reader.read()
    writer.close()


async def _silent_in_tls(port: int, source: str) -> None:
    _, writer = await _open(port, source, _anything())
    await asyncio.sleep(SILENCE)
    writer.close()


async def _silent(port: int, source: str) -> None:
    _, writer = await _open(port, source, None)
    await asyncio.sleep(SILENCE)
    writer.close()


async def _open(
    port: int, source: str, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(LOOPBACK, port, ssl=tls, local_addr=(source, 0))


def _anything() -> ssl.SSLContext:
    """Of a client that looks at no certificate; each has no session of another's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _source(number: int) -> str:
    return f"127.0.1.{1 + number % SOURCES}"


def main(arguments: list[str]) -> None:
    match arguments:
        case ["datagrams", host, port, rate]:
            send_datagrams(host, int(port), float(rate))
        case ["pages", port, rate]:
            asyncio.run(open_pages(int(port), float(rate)))
        case ["handshakes", port, rate]:
            asyncio.run(shake_hands(int(port), float(rate)))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
