"""The fleet's page, its answers and `/metrics`, over HTTP."""

from __future__ import annotations

import http
import logging
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Self

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from agent.fleet.fleet_store import StoreUnavailable
from agent.fleet.page_answers import PageAnswers, TooManyQuestions
from agent.fleet.page_questions import UnknownQuestion
from agent.web.page_access import PageAccess
from agent.web.page_files import page_folder, read_page
from agent.web.web_options import WebOptions
from agent.web.web_server import WebServer

logger = logging.getLogger(__name__)

_API = "/api/"
# what the page has of the caller's: the looks, and two small modules
_SHARED = (
    "icon.svg",
    "dom.js",
    "i18n.js",
    "styles/base.css",
    "styles/controls.css",
    "styles/layout.css",
    "styles/motion.css",
)
Metrics = Callable[[], tuple[bytes, str]]
"""What Prometheus reads, and its media type. Called in the page's thread."""


class FleetPage:
    """An async context. `metrics` None: there are none."""

    def __init__(
        self, options: WebOptions, answers: PageAnswers, metrics: Metrics | None = None
    ) -> None:
        """Raises ConfigurationError for an address that must not be served."""
        self._access = PageAccess(options)
        self._answers = answers
        self._metrics = metrics
        shared = dict(read_page(page_folder()))
        own = dict(read_page(fleet_page_folder()))
        self._files = {name: shared[name] for name in _SHARED} | own
        self._server = WebServer(options, self.respond, _carry_nothing)

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
        try:
            await self._server.__aexit__(kind, error, trace)
        finally:
            self._answers.close()

    async def respond(self, address: str, request: Request) -> Response:
        """The answer to one request."""
        denied = self._access.refusal(address, request.headers)
        if denied is not None:
            return denied
        path, _, query = request.path.partition("?")
        if path.startswith(_API):
            return await self._answer(path.removeprefix(_API), query, request)
        if path == "/metrics":
            if self._metrics is None:
                return self._plain(
                    http.HTTPStatus.NOT_FOUND, "pip install 'callbox[fleet]' brings the metrics."
                )
            return self._access.found(*self._metrics(), request.headers)
        found = self._files.get(path.lstrip("/") or "index.html")
        if found is None:
            return self._plain(http.HTTPStatus.NOT_FOUND, "There is no such page.")
        return self._access.found(*found, request.headers)

    async def _answer(self, name: str, query: str, request: Request) -> Response:
        try:
            found = await self._answers.ask(name, query)
        except UnknownQuestion:
            return self._plain(http.HTTPStatus.NOT_FOUND, "Nobody has heard of it.")
        except StoreUnavailable as error:
            return self._plain(http.HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        except TooManyQuestions:
            return self._plain(http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many questions wait.")
        if found.tag in request.headers.get_all("If-None-Match"):
            response = self._access.found(b"", "application/json", request.headers)
            response.status_code = http.HTTPStatus.NOT_MODIFIED.value
            response.reason_phrase = http.HTTPStatus.NOT_MODIFIED.phrase
        else:
            response = self._access.found(found.body, "application/json", request.headers)
        response.headers["ETag"] = found.tag
        return response

    def _plain(self, status: http.HTTPStatus, text: str) -> Response:
        return self._access.responses.plain(status, text)


def fleet_page_folder() -> Path:
    """Where the page's own files are."""
    return Path(str(files("agent.fleet"))) / "page"


async def _carry_nothing(connection: ServerConnection) -> None:
    """The page has no WebSocket: every request gets an answer before."""
    await connection.close()
