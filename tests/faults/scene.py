"""A call across a link that misbehaves: the device in one network namespace, Chromium in
another.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, async_playwright

from agent.web.stream_connections import StreamConnections
from tests.conftest import Mosquitto
from tests.e2e.browser import FLAGS, BrowserCaller, calling
from tests.e2e.device import ACCEPT_ALL, ALL_COMMANDS, UID, Program, Watcher
from tests.faults.links import FAR, SLICE, Link, Namespace, Network, network
from tests.faults.passing import both_ways
from tests.faults.viewing import Viewing
from tests.parts import require_part
from tests.waiting import PATIENCE
from tests.web.page_harness import Visitor, serving, visiting

LOOPBACK = "127.0.0.1"
VIDEO = 'source = "pattern"\nwidth = 640\nheight = 360\n'
SMALL_VIDEO = 'source = "pattern"\nwidth = 320\nheight = 240\nbitrate = 500_000\n'


@dataclass(frozen=True, slots=True)
class Scene:
    """A device that is online, and a page that can call it."""

    device: Program
    caller: BrowserCaller
    network: Network
    watcher: Watcher

    @property
    def link(self) -> Link:
        return self.network.link

    async def call(self, **options: Any) -> Viewing:
        """Call, and return once the first picture is shown."""
        viewing = Viewing(self.caller)
        await viewing.begin(**options)
        return viewing

    async def sent(self, seconds: float) -> list[float]:
        """What the device sends in each of the coming seconds, bit/s on the wire."""
        start = len((await self.link.passages())[0].history)
        await asyncio.sleep(seconds)
        history = (await self.link.passages())[0].history[start:]
        steps = round(1 / SLICE)
        return [
            8.0 * sum(history[at : at + steps]) for at in range(0, len(history) - steps + 1, steps)
        ]

    async def local_stats(self) -> dict[str, Any]:
        """The next report of the device on what it sends."""
        stats: dict[str, Any] = await self.watcher.wait(
            f"{UID}/events/local_stats", after=len(self.watcher.messages)
        )
        return stats

    async def share_decoded(self, viewing: Viewing, pictures: int) -> float:
        """Which share of the next `pictures` that the device sends the viewer decodes, however long
        it takes.
        """
        first, decoded = (await self.local_stats())["video"]["framesSent"], await viewing.decoded()
        sent = 0
        while sent < pictures:
            sent = (await self.local_stats())["video"]["framesSent"] - first
        return (await viewing.decoded() - decoded) / sent


class Delayed:
    """Passes a connection out of a namespace on to the same port out here, `delay` seconds late
    each way.
    """

    def __init__(self, port: int, delay: float) -> None:
        self.delay = delay
        self._port = port

    @asynccontextmanager
    async def serve(self, namespace: Namespace, host: str = LOOPBACK) -> AsyncIterator[Delayed]:
        async with StreamConnections(self._carry) as connections:
            listening = namespace.listen(self._port, host)
            async with await asyncio.start_server(connections.accept, sock=listening) as server:
                yield self
                server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await asyncio.open_connection("127.0.0.1", self._port)
        await both_ways((reader, writer), far, self._pass)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(65_536):
            loop.call_later(self.delay, writer.write, data)
        await asyncio.sleep(self.delay)


@asynccontextmanager
async def scene(
    folder: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    *,
    video: str = VIDEO,
    signaling_too: bool = False,
    **conditions: Any,
) -> AsyncIterator[Scene]:
    """The whole setting. `video` is the device's `[video]`; the rest are `Conditions` of the link.

    The device's signaling does not take the link, unless it shall too.
    """
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(network(**conditions))
        signaling = Delayed(mosquitto.port, conditions.get("delay", 0.0))
        broker, host = (net.far, FAR) if signaling_too else (net.near, LOOPBACK)
        await stack.enter_async_context(signaling.serve(broker, host))
        device = device_within(folder, mosquitto, watcher, net.near, video=video, host=host)
        program = await stack.enter_async_context(device)
        browser = await stack.enter_async_context(chromium_within(folder, net))
        caller = await stack.enter_async_context(calling(browser, mosquitto))
        yield Scene(program, caller, net, watcher)


@asynccontextmanager
async def paged_scene(
    folder: Path, mosquitto: Mosquitto, watcher: Watcher
) -> AsyncIterator[tuple[Link, Visitor]]:
    """The page across the link, with its own connection to the broker, which does not take the
    link.
    """
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(network())
        await stack.enter_async_context(Delayed(mosquitto.port, 0.0).serve(net.near))
        await stack.enter_async_context(device_within(folder, mosquitto, watcher, net.near))
        url = await stack.enter_async_context(serving(mosquitto))
        await stack.enter_async_context(Delayed(urlsplit(url).port or 80, 0.0).serve(net.far))
        browser = await stack.enter_async_context(chromium_within(folder, net))
        yield net.link, await stack.enter_async_context(visiting(browser, url))


@dataclass(frozen=True, slots=True)
class Neighbors:
    """A device and `callbox call`."""

    device: Program
    caller: Program
    network: Network
    output: Lines


class Lines:
    """What `callbox call --json` says, as it comes."""

    def __init__(self, program: Program) -> None:
        self.events: list[dict[str, Any]] = []
        self._program = program
        self._came = asyncio.Condition()

    async def run(self) -> None:
        assert self._program.process.stdout is not None
        async for line in self._program.process.stdout:
            async with self._came:
                self.events.append(json.loads(line))
                self._came.notify_all()

    async def picture(self) -> None:
        """Wait for a report on nothing but what is yet to arrive, with pictures in it."""
        mark = len(self.events)

        def shown() -> bool:
            reports = [event for event in self.events[mark:] if event["event"] == "remote_stats"]
            return any(
                report.get("video", {}).get("framesPerSecond", 0) > 0 for report in reports[1:]
            )

        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(shown)


@asynccontextmanager
async def neighbors(
    folder: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    *,
    near: Literal["device", "caller"],
    policy: str = ACCEPT_ALL,
) -> AsyncIterator[Neighbors]:
    """A call without a browser. The broker is on the far side of the link, so who is `near` needs
    it for that too.
    """
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(network())
        await stack.enter_async_context(Delayed(mosquitto.port, 0.0).serve(net.far, FAR))
        at, other = (net.near, net.far) if near == "device" else (net.far, net.near)
        serving = device_within(
            folder, mosquitto, watcher, at, video=SMALL_VIDEO, host=FAR, policy=policy
        )
        program = await stack.enter_async_context(serving)
        url = f"mqtt://{FAR}:{mosquitto.port}"
        arguments = ("call", UID, "--broker", url, "--json", "--verbose", "--seconds", "600")
        caller = await Program.start(folder / "call.log", *arguments, within=other.command())
        stack.push_async_callback(caller.end)
        lines = Lines(caller)
        reading = asyncio.create_task(lines.run())
        stack.push_async_callback(_ended, reading)
        yield Neighbors(program, caller, net, lines)
    assert "Traceback" not in caller.log(), caller.log()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def device_within(
    folder: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    namespace: Namespace,
    *,
    video: str = VIDEO,
    host: str = LOOPBACK,
    policy: str = ACCEPT_ALL,
) -> AsyncIterator[Program]:
    config = folder / "device.toml"
    config.write_text(
        f'uid = "{UID}"\nstate_directory = "{folder / "state"}"\n{ALL_COMMANDS}'
        f'[mqtt]\nhost = "{host}"\nport = {mosquitto.port}\n'
        f'[video]\n{video}[audio]\ncapture = "pattern"\nplayback = "none"\n[stats]\ninterval = '
        f"0.5\n{policy}"
    )
    command = namespace.command(
        sys.executable, "-m", "tests.faults.busy_device", "run", "--config", str(config)
    )
    log = folder / "device.log"
    mark = len(watcher.messages)
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=file
        )
    program = Program(process, log)
    try:
        await watcher.wait(f"{UID}/status", lambda body: body["state"] == "online", after=mark)
        yield program
    except TimeoutError:
        print(program.log())
        raise
    finally:
        await program.end()
    assert "Traceback" not in program.log(), program.log()


@asynccontextmanager
async def chromium_within(folder: Path, net: Network, *flags: str) -> AsyncIterator[Browser]:
    wrapper = folder / "chromium"
    wrapper.write_text(
        f'#!/bin/sh\nexec {" ".join(net.far.command(require_part("chromium")))} "$@"\n'
    )
    wrapper.chmod(0o755)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=wrapper, args=[*FLAGS, *flags], timeout=2 * PATIENCE * 1000
        )
        try:
            yield browser
        finally:
            await browser.close()
