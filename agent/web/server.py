"""Serves the page, and carries its MQTT: a WebSocket on `/mqtt`, byte for byte, to the broker's TCP
port.

The broker itself decides who may do what: what the page sends as user name and password reaches it
untouched. This server only decides who may open the page. Three things are refused before that: a
WebSocket that another site's script opens (`Origin`), a name that was pointed at a loopback address
(`Host`), and whoever lacks the password.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import http
import json
import logging
import mimetypes
import secrets
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from agent.errors import ConfigurationError
from agent.options import is_loopback

logger = logging.getLogger(__name__)

MQTT_PATH = "/mqtt"
# bytes in one WebSocket message; the protocol's own limit is 64 KiB
MAX_MESSAGE = 256 * 1024
MAX_CONNECTIONS = 64
# seconds for the broker to take a connection
CONNECT_TIMEOUT = 5.0
COOKIE = "callbox_session"

_PAGE_TYPES = {".html", ".js", ".css", ".svg", ".png", ".webmanifest"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self), fullscreen=(self)",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where the page is served and to whom. The files are PEM; with `client_ca` a browser needs a
    certificate of it.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """What to open in a browser."""
        scheme = "https" if self.certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/"

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)


def page_folder() -> Path:
    """Where the page's own files are."""
    return Path(str(files("agent.web")))


class PageServer:
    """An async context. `configuration` makes what the page reads as `config.json`, each time that
    it does.
    """

    def __init__(
        self,
        options: WebOptions,
        broker: tuple[str, int],
        configuration: Callable[[], dict[str, Any]],
        *,
        broker_tls: ssl.SSLContext | None = None,
    ) -> None:
        """`broker` is a host and a TCP port, `broker_tls` how to speak TLS to it.

        Raises ConfigurationError for an address that must not be served.
        """
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
        self._broker = broker
        self._broker_tls = broker_tls
        self._configuration = configuration
        self._files = dict(_read_page(page_folder()))
        self._session = secrets.token_urlsafe(32)
        self._server: Server | None = None
        self._open = 0  # WebSockets

    async def __aenter__(self) -> Self:
        """Raises ConfigurationError where the address is taken or a file cannot be used."""
        options = self._options
        try:
            self._server = await serve(
                self._bridge,
                options.host,
                options.port,
                process_request=self._respond,
                subprotocols=["mqtt"],  # type: ignore[list-item]
                max_size=MAX_MESSAGE,
                compression=None,
                ssl=_tls(options),
                server_header=None,
                open_timeout=CONNECT_TIMEOUT,
                logger=logger.getChild("websocket"),
            )
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                [f"web: {options.url} cannot be served: {error.strerror or error}"]
            ) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    # -- HTTP --------------------------------------------------------------------------------------

    def _respond(self, _connection: ServerConnection, request: Request) -> Response | None:
        """An answer, or None to go on with the WebSocket handshake."""
        if self._options.is_loopback and not _names_loopback(request.headers.get("Host", "")):
            return _plain(http.HTTPStatus.FORBIDDEN, "This page is only for this machine.")
        if not self._may_enter(request.headers):
            denied = _plain(http.HTTPStatus.UNAUTHORIZED, "A password is needed.")
            denied.headers["WWW-Authenticate"] = 'Basic realm="callbox", charset="UTF-8"'
            return denied
        path = urlsplit(request.path).path
        if path == MQTT_PATH:
            return self._check_websocket(request.headers)
        return self._file(path)

    def _check_websocket(self, headers: Headers) -> Response | None:
        origin = headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("Host"):
            return _plain(http.HTTPStatus.FORBIDDEN, "Another site may not speak for you here.")
        if self._open >= MAX_CONNECTIONS:
            return _plain(http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages are open.")
        return None

    def _file(self, path: str) -> Response:
        name = path.lstrip("/") or "index.html"
        if name == "config.json":
            return self._found(
                json.dumps({"broker": MQTT_PATH, **self._configuration()}).encode(),
                "application/json",
            )
        found = self._files.get(name)
        if found is None:
            return _plain(http.HTTPStatus.NOT_FOUND, "There is no such page.")
        return self._found(*found)

    def _found(self, body: bytes, kind: str) -> Response:
        headers = Headers(_HEADERS)
        headers["Content-Type"] = kind
        headers["Content-Length"] = str(len(body))
        headers["Date"] = formatdate(usegmt=True)
        if self._options.password:
            # Not every browser sends the password along with a WebSocket; every one sends a cookie.
            secure = "; Secure" if self._options.certificate else ""
            headers["Set-Cookie"] = (
                f"{COOKIE}={self._session}; Path=/; HttpOnly; SameSite=Strict{secure}"
            )
        return Response(http.HTTPStatus.OK, "OK", headers, body)

    def _may_enter(self, headers: Headers) -> bool:
        password = self._options.password
        if not password:
            return True
        cookie: SimpleCookie = SimpleCookie()
        with suppress(CookieError):
            cookie.load(headers.get("Cookie", ""))
        if COOKIE in cookie and hmac.compare_digest(cookie[COOKIE].value, self._session):
            return True
        kind, _, given = headers.get("Authorization", "").partition(" ")
        with suppress(ValueError):
            _, _, text = base64.b64decode(given, validate=True).partition(b":")
            return kind.lower() == "basic" and hmac.compare_digest(text, password.encode())
        return False

    # -- the bridge --------------------------------------------------------------------------------

    async def _bridge(self, websocket: ServerConnection) -> None:
        self._open += 1
        try:
            await self._carry(websocket)
        finally:
            self._open -= 1

    async def _carry(self, websocket: ServerConnection) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                reader, writer = await asyncio.open_connection(*self._broker, ssl=self._broker_tls)
        except (OSError, TimeoutError) as error:
            logger.warning(
                "the broker %s:%d does not take the page's connection: %s", *self._broker, error
            )
            await websocket.close(1013, "the broker cannot be reached")
            return
        directions = {
            asyncio.create_task(_to_broker(websocket, writer)),
            asyncio.create_task(_to_page(reader, websocket)),
        }
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in directions:
                task.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _to_broker(websocket: ServerConnection, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionClosed, OSError):
        async for message in websocket:
            writer.write(message if isinstance(message, bytes) else message.encode())
            await writer.drain()


async def _to_page(reader: asyncio.StreamReader, websocket: ServerConnection) -> None:
    with suppress(ConnectionClosed, OSError):
        while data := await reader.read(MAX_MESSAGE):
            await websocket.send(data)


def _read_page(folder: Path) -> Iterator[tuple[str, tuple[bytes, str]]]:
    """Every file of the page, read once: nothing that a request names is ever looked up on the
    disk.
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix in _PAGE_TYPES and path.is_file():
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            if kind.startswith("text/"):
                kind += "; charset=utf-8"
            yield path.relative_to(folder).as_posix(), (path.read_bytes(), kind)


def _plain(status: http.HTTPStatus, text: str) -> Response:
    body = f"{text}\n".encode()
    headers = Headers(_HEADERS)
    headers["Content-Type"] = "text/plain; charset=utf-8"
    headers["Content-Length"] = str(len(body))
    return Response(status, status.phrase, headers, body)


def _names_loopback(host: str) -> bool:
    with suppress(ValueError):
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    return False


def _tls(options: WebOptions) -> ssl.SSLContext | None:
    if options.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(options.certificate, options.key)
    if options.client_ca is not None:
        context.load_verify_locations(options.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
