"""What the page and those who pull are served by: in a thread, and with words where it cannot."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.errors import ConfigurationError
from agent.web.listener import ConnectionLimits
from agent.web.loop_server import LoopServer
from agent.web.web_options import WebOptions
from tests.free_ports import free_port


class Served:
    """Where it was served, and whether it still is."""

    thread: str = ""
    addresses: Sequence[tuple[str, int]] = ()
    tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def serve(
        self, listeners: Sequence[socket.socket], tls: ssl.SSLContext | None
    ) -> AsyncIterator[None]:
        self.thread = threading.current_thread().name
        self.addresses = [listener.getsockname()[:2] for listener in listeners]
        self.tls = tls
        try:
            yield
        finally:
            for listener in listeners:
                listener.close()
            self.thread = ""


async def test_sockets_are_served_in_a_thread_of_their_own() -> None:
    served = Served()
    options = WebOptions(port=free_port())
    async with LoopServer("web", options, ConnectionLimits(), served.serve):
        assert served.thread == "callbox-web"
        assert served.addresses == [("127.0.0.1", options.port)]
        assert served.tls is None
        _, writer = await asyncio.open_connection(options.host, options.port)
        writer.close()
    assert served.thread == ""
    assert "callbox-web" not in {thread.name for thread in threading.enumerate()}


async def test_address_that_is_taken_names_the_section() -> None:
    served = Served()
    options = WebOptions(port=free_port())
    with socket.create_server((options.host, options.port)):
        server = LoopServer("pull", options, ConnectionLimits(), served.serve)
        with pytest.raises(ConfigurationError, match=r"^pull: http://127\.0\.0\.1:\d+/ cannot"):
            await server.__aenter__()
    assert not served.addresses


async def test_certificate_that_is_missing_opens_no_socket(tmp_path: Path) -> None:
    served = Served()
    options = WebOptions(port=free_port(), certificate=tmp_path / "none.pem", password="p")
    with pytest.raises(ConfigurationError, match=r"cannot be served: .*No such file"):
        async with LoopServer("web", options, ConnectionLimits(), served.serve):
            pass
    assert not served.addresses
