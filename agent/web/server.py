"""Serves the page, and carries its MQTT on `/mqtt` (see `bridge`).

This server only decides who may open the page. It refuses a WebSocket that another site's script
opens (`Origin`), a name that was pointed at a loopback address (`Host`), whoever lacks the
password, and whoever tries passwords too fast. It runs in a thread with an event loop of its own,
so that neither a TLS handshake nor a flood of requests holds up a call.
"""

from __future__ import annotations

import asyncio
import http
import json
import logging
import math
import secrets
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from agent.counts import RefusalCounts, RefusalKind, refusals
from agent.errors import ConfigurationError
from agent.options import is_loopback
from agent.web.bridge import CONNECT_TIMEOUT, MAX_MESSAGE, BrokerAddress, MqttBridge
from agent.web.certificates import CertificateFiles, RenewingContext
from agent.web.listener import ConnectionLimits, listen, source_of
from agent.web.log_budget import BudgetedLog, LogBudget
from agent.web.logins import (
    COOKIE,
    LoginThrottle,
    Sessions,
    basic_password,
    is_password,
    session_of,
)
from agent.web.loop_thread import LoopThread
from agent.web.origins import TrustedOrigins
from agent.web.page_files import PageResponses, page_folder, read_page
from agent.web.tls_buffers import bound_buffers

logger = logging.getLogger(__name__)
# a line for every request and connection otherwise
_websocket_logger = logger.getChild("websocket")
_websocket_logger.addFilter(BudgetedLog())

MQTT_PATH = "/mqtt"
# pages that are open at the same time
MAX_WEBSOCKETS = 64


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where the page is served and to whom. The files are PEM; with `client_ca` a browser needs a
    certificate of it. `origins` are those of proxies in front of it.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    password: str | None = field(default=None, repr=False)
    origins: tuple[str, ...] = ()

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"

    @property
    def url(self) -> str:
        """What to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/"

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    def tls(self) -> RenewingContext | None:
        """Raises OSError or ssl.SSLError."""
        if self.certificate is None:
            return None
        return RenewingContext.of(CertificateFiles(self.certificate, self.key, self.client_ca))


class PageServer:
    """An async context. `configuration` makes what the page reads as `config.json`, each time that
    it does; it is called in the server's own thread.
    """

    def __init__(
        self,
        options: WebOptions,
        broker: BrokerAddress,
        configuration: Callable[[], dict[str, Any]],
        *,
        limits: ConnectionLimits | None = None,
        counts: RefusalCounts = refusals,
    ) -> None:
        """Raises ConfigurationError for an address that must not be served."""
        if not options.is_loopback and not (
            options.certificate and (options.password or options.client_ca)
        ):
            raise ConfigurationError(
                [
                    f"web.host: {options.host!r} is not loopback, so it needs cert_file, and "
                    f"password or client_ca_file"
                ]
            )
        self._options = options
        self._limits = limits or ConnectionLimits(counts=counts)
        self._desk = _Desk(options, configuration, counts)
        self._bridge = MqttBridge(broker, counts)
        self._thread: LoopThread | None = None

    async def __aenter__(self) -> Self:
        """Raises ConfigurationError where the address is taken or a file cannot be used."""
        options = self._options
        listeners: list[socket.socket] = []
        try:
            tls = await asyncio.to_thread(options.tls)
            listeners = await asyncio.to_thread(listen, options.host, options.port, self._limits)
        except OSError as error:
            raise ConfigurationError(
                [f"web: {options.url} cannot be served: {error.strerror or error}"]
            ) from error
        self._thread = LoopThread(
            _Serving(self._desk, self._bridge, listeners, tls), "callbox-page"
        )
        await self._thread.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            await self._thread.__aexit__(kind, error, trace)


class _Serving:
    """The servers of all listening sockets, in the page's thread."""

    def __init__(
        self,
        desk: _Desk,
        bridge: MqttBridge,
        listeners: list[socket.socket],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._desk = desk
        self._bridge = bridge
        self._listeners = listeners
        self._tls = tls
        self._servers: list[Server] = []

    async def __aenter__(self) -> None:
        bound_buffers()
        for listener in self._listeners:
            server = await serve(
                self._bridge.carry,
                sock=listener,
                process_request=self._respond,
                subprotocols=["mqtt"],  # type: ignore[list-item]
                max_size=MAX_MESSAGE,
                compression=None,
                ssl=self._tls,
                server_header=None,
                open_timeout=CONNECT_TIMEOUT,
                logger=_websocket_logger,
            )
            self._servers.append(server)

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        for server in self._servers:
            await server.wait_closed()

    def _respond(self, connection: ServerConnection, request: Request) -> Response | None:
        return self._desk.respond(
            str((connection.remote_address or ("",))[0]),
            request,
            is_full=self._bridge.open >= MAX_WEBSOCKETS,
        )


class _Desk:
    """PageResponses each request, or lets it go on to the WebSocket."""

    def __init__(
        self,
        options: WebOptions,
        configuration: Callable[[], dict[str, Any]],
        counts: RefusalCounts,
    ) -> None:
        self._options = options
        self._configuration = configuration
        self._counts = counts
        self._responses = PageResponses(secure=options.certificate is not None)
        self._files = dict(read_page(page_folder()))
        self._trusted = TrustedOrigins(options.scheme, options.is_loopback, options.origins)
        self._throttle = LoginThrottle()
        self._sessions = Sessions(secrets.token_bytes(32))
        self._log_budget = LogBudget()

    def respond(self, address: str, request: Request, *, is_full: bool) -> Response | None:
        """An answer, or None to go on with the WebSocket handshake."""
        headers = request.headers
        host = _one(headers, "Host") or ""
        if not self._trusted.allows_host(host):
            return self._refuse_site(headers, "This page is only for this machine.")
        denied = self._check_password(self._source(address, headers), headers)
        if denied is not None:
            return denied
        path = request.path.partition("?")[0]
        if path != MQTT_PATH:
            return self._file(path, host)
        if not self._trusted.allows_origin(_one(headers, "Origin"), host):
            return self._refuse_site(headers, "Another site may not speak for you here.")
        if is_full:
            self._counts.count(RefusalKind.CONNECTION)
            return self._responses.plain(
                http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages are open."
            )
        return None

    def _refuse_site(self, headers: Headers, text: str) -> Response:
        self._counts.count(RefusalKind.CONNECTION)
        if self._log_budget.may_log(time.monotonic()):
            logger.warning(
                "refused: Host %.200r, Origin %.200r; a proxy of yours belongs into web.origins",
                _one(headers, "Host"),
                _one(headers, "Origin"),
            )
        return self._responses.plain(http.HTTPStatus.FORBIDDEN, text)

    def _source(self, address: str, headers: Headers) -> str:
        """Who tries a password: a trusted proxy on this machine tells for whom it asks."""
        source, local = source_of(address)
        if local and self._options.origins:
            forwarded = headers.get_all("X-Forwarded-For")
            last = forwarded[-1].rpartition(",")[2].strip() if forwarded else ""
            return source_of(last)[0] if last else source
        return source

    def _check_password(self, source: str, headers: Headers) -> Response | None:
        password = self._options.password
        if not password:
            return None
        now = time.monotonic()
        cookie = session_of("; ".join(headers.get_all("Cookie")))
        if cookie is not None and self._sessions.holds(cookie, now):
            return None
        given = basic_password(_one(headers, "Authorization") or "")
        if given is None:
            return self._ask_password()
        pause = self._throttle.pause(source, now)
        if pause > 0:
            self._counts.count(RefusalKind.LOGIN)
            return self._slow_down(pause)
        if is_password(given, password):
            self._throttle.succeeded(source, now)
            return None
        self._counts.count(RefusalKind.LOGIN)
        row = self._throttle.failed(source, now)
        logger.warning("a wrong password for the page from %s (%d in a row)", source, row)
        return self._ask_password()

    def _ask_password(self) -> Response:
        denied = self._responses.plain(http.HTTPStatus.UNAUTHORIZED, "A password is needed.")
        denied.headers["WWW-Authenticate"] = 'Basic realm="callbox", charset="UTF-8"'
        return denied

    def _slow_down(self, pause: float) -> Response:
        denied = self._responses.plain(
            http.HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong passwords. Wait, and try again."
        )
        denied.headers["Retry-After"] = str(math.ceil(pause))
        return denied

    def _file(self, path: str, host: str) -> Response:
        name = path.lstrip("/") or "index.html"
        if name == "config.json":
            value = {"broker": MQTT_PATH, **self._configuration()}
            return self._found(json.dumps(value).encode(), "application/json", host)
        found = self._files.get(name)
        if found is None:
            return self._responses.plain(http.HTTPStatus.NOT_FOUND, "There is no such page.")
        return self._found(*found, host)

    def _found(self, body: bytes, kind: str, host: str) -> Response:
        response = self._responses.found(body, kind, self._trusted.websocket_sources(host))
        if self._options.password:
            # Not every browser sends the password along with a WebSocket; every one sends a cookie.
            secure = "; Secure" if self._options.certificate else ""
            response.headers["Set-Cookie"] = (
                f"{COOKIE}={self._sessions.issue(time.monotonic())}; Path=/; HttpOnly; "
                f"SameSite=Strict; Max-Age={self._sessions.lifetime:.0f}{secure}"
            )
        return response


def _one(headers: Headers, name: str) -> str | None:
    """A header's value; None without one. One that stands there twice becomes of no use."""
    values = headers.get_all(name)
    return ", ".join(values) if values else None
