"""Callers whose whole link fails: media and signaling take it. The device and the broker are on its
far side, together.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from agent.web.stream_connections import StreamConnections
from tests.conftest import Mosquitto
from tests.e2e.browser import BrowserCaller, calling
from tests.e2e.device import Watcher
from tests.faults.links import NEAR, Namespace, Network, network
from tests.faults.passing import both_ways
from tests.faults.scene import Delayed, chromium_within, device_within
from tests.free_ports import free_port
from tests.web.page_harness import Visitor, serving, visiting


class Broker(Mosquitto):
    """A name for the port at which a broker is reached."""

    def __init__(self, port: int) -> None:
        self.port = port


class Tunnel:
    """Passes connections from out here on, made within a namespace: so they take its link."""

    def __init__(self, port: int, within: Namespace, host: str, target: int) -> None:
        self.port = port
        self._within, self._host, self._target = within, host, target

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Tunnel]:
        async with (
            StreamConnections(self._carry) as connections,
            await asyncio.start_server(connections.accept, "127.0.0.1", self.port) as server,
        ):
            yield self
            server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside = self._within.run(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        inside.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(inside, (self._host, self._target))
        except BaseException as error:
            inside.close()
            if isinstance(error, OSError):
                return
            raise
        await both_ways((reader, writer), await asyncio.open_connection(sock=inside))


@asynccontextmanager
async def page_scene(
    folder: Path, mosquitto: Mosquitto, watcher: Watcher, **conditions: float
) -> AsyncIterator[tuple[Network, Visitor]]:
    """The page, in a browser that reaches everything across the link."""
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(network(**conditions))
        await stack.enter_async_context(Delayed(mosquitto.port, 0.0).serve(net.near))
        await stack.enter_async_context(device_within(folder, mosquitto, watcher, net.near))
        url = await stack.enter_async_context(serving(mosquitto))
        port = urlsplit(url).port or 80
        await stack.enter_async_context(Delayed(port, 0.0).serve(net.near, NEAR))
        flag = f"--host-resolver-rules=MAP localhost {NEAR}"
        browser = await stack.enter_async_context(chromium_within(folder, net, flag))
        visitor = await stack.enter_async_context(visiting(browser, f"http://localhost:{port}/"))
        yield net, visitor
        # of the connection to the broker, while there was no link
        visitor.faults.clear()


@asynccontextmanager
async def stranger_scene(
    folder: Path, mosquitto: Mosquitto, watcher: Watcher, **conditions: float
) -> AsyncIterator[tuple[Network, BrowserCaller]]:
    """A page that answers offers and makes none but its first."""
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(network(**conditions))
        await stack.enter_async_context(Delayed(mosquitto.port, 0.0).serve(net.near))
        await stack.enter_async_context(Delayed(mosquitto.port, 0.0).serve(net.near, NEAR))
        await stack.enter_async_context(device_within(folder, mosquitto, watcher, net.near))
        tunnel = Tunnel(free_port(), net.far, NEAR, mosquitto.port)
        await stack.enter_async_context(tunnel.serve())
        browser = await stack.enter_async_context(chromium_within(folder, net))
        caller = await stack.enter_async_context(calling(browser, Broker(tunnel.port)))
        yield net, caller
