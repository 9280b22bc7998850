"""Serves the page, and carries its MQTT on `/mqtt` (see `bridge`).

This server only decides who may open the page. It refuses a WebSocket that another site's script
opens (`Origin`), a name that was pointed at a loopback address (`Host`), whoever lacks the
password, and whoever tries passwords too fast.
"""

from __future__ import annotations

import http
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from agent.counts import RefusalCounts, RefusalKind, refusals
from agent.web.bridge import BrokerAddress, MqttBridge
from agent.web.listener import ConnectionLimits
from agent.web.page_access import PageAccess
from agent.web.page_files import page_folder, read_page
from agent.web.web_options import WebOptions
from agent.web.web_server import WebServer

MQTT_PATH = "/mqtt"
# where a page presses a button, if there is one to press
PRESS_PATH = "/press"
# pages that are open at the same time
MAX_WEBSOCKETS = 64

Press = Callable[[], Awaitable[dict[str, Any]]]
"""Presses a button; what came of it."""

Documents = Callable[[str], tuple[bytes, str] | None]
"""What lies at a path besides the page's own files, with its media type; None: nothing."""


class PageServer:
    """An async context. `configuration` makes what the page reads as `config.json`, each time that
    it does; it, `documents` and `press` are called in the server's own thread.
    """

    def __init__(
        self,
        options: WebOptions,
        broker: BrokerAddress,
        configuration: Callable[[], dict[str, Any]],
        *,
        documents: Documents = lambda _path: None,
        press: Press | None = None,
        limits: ConnectionLimits | None = None,
        counts: RefusalCounts = refusals,
    ) -> None:
        """Raises ConfigurationError for an address that must not be served."""
        desk = _Desk(options, configuration, documents, counts, has_button=press is not None)
        bridge = MqttBridge(broker, counts)

        def respond(address: str, request: Request) -> Response | None:
            return desk.respond(address, request, is_full=bridge.open >= MAX_WEBSOCKETS)

        async def carry(websocket: ServerConnection) -> None:
            request = websocket.request
            if press is not None and request is not None and request.path == PRESS_PATH:
                with suppress(ConnectionClosed):
                    await websocket.send(json.dumps(await press()))
            else:
                await bridge.carry(websocket)

        self._server = WebServer(
            options, respond, carry, limits=limits or ConnectionLimits(counts=counts)
        )

    async def __aenter__(self) -> Self:
        """Raises ConfigurationError where the address is taken or a file cannot be used."""
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.__aexit__(kind, error, trace)


class _Desk:
    """Answers each request, or lets it go on to the WebSocket."""

    def __init__(
        self,
        options: WebOptions,
        configuration: Callable[[], dict[str, Any]],
        documents: Documents,
        counts: RefusalCounts,
        *,
        has_button: bool,
    ) -> None:
        self._websockets = (MQTT_PATH, PRESS_PATH) if has_button else (MQTT_PATH,)
        self._more = {"press": PRESS_PATH} if has_button else {}
        self._documents = documents
        self._configuration = configuration
        self._counts = counts
        self._access = PageAccess(options, counts)
        self._files = dict(read_page(page_folder()))

    def respond(self, address: str, request: Request, *, is_full: bool) -> Response | None:
        """An answer, or None to go on with the WebSocket handshake."""
        access, headers = self._access, request.headers
        denied = access.refusal(address, headers)
        if denied is not None:
            return denied
        path = request.path.partition("?")[0]
        if path not in self._websockets:
            return self._file(path, request)
        denied = access.refusal_of_origin(headers)
        if denied is not None:
            return denied
        if is_full:
            self._counts.count(RefusalKind.CONNECTION)
            return access.responses.plain(
                http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages are open."
            )
        return None

    def _file(self, path: str, request: Request) -> Response:
        access = self._access
        name = path.lstrip("/") or "index.html"
        if name == "config.json":
            value = {"broker": MQTT_PATH, **self._more, **self._configuration()}
            return access.found(json.dumps(value).encode(), "application/json", request.headers)
        found = self._files.get(name) or self._documents(name)
        if found is None:
            return access.responses.plain(http.HTTPStatus.NOT_FOUND, "There is no such page.")
        return access.found(*found, request.headers)
