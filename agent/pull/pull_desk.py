"""What each request to those who pull comes to: who may ask, for what, and who answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from agent.core.call.values import IceServer
from agent.counts import RefusalCounts, RefusalKind, refusals
from agent.pull.http_messages import HttpAnswer, HttpRequest
from agent.pull.main_loop import MainLoop
from agent.pull.pull_channel import PullChannel
from agent.pull.token_door import Denied, TokenDoor
from agent.pull.whep import METHODS, RETRY_AFTER, WhepEndpoint
from agent.web.listener import source_of

if TYPE_CHECKING:
    from agent.pull.pull_session import PullSession

WHEP_PATH = "/whep"
SOCKET_PATH = "/api/ws"
EXPOSED = "Location, ETag, Link, Accept-Patch, Retry-After"


class PullDesk:
    """In the server's thread. `tokens` by the name of the consumer, `origins` of the pages that may
    ask from a browser.
    """

    def __init__(
        self,
        uid: str,
        tokens: Mapping[str, str],
        origins: Sequence[str],
        channel: PullChannel,
        main_loop: MainLoop,
        ice_servers: Callable[[], Sequence[IceServer]],
        counts: RefusalCounts = refusals,
    ) -> None:
        self._uid = uid
        self._origins = frozenset(origins)
        self._counts = counts
        self._door = TokenDoor(tokens, counts)
        self._whep = WhepEndpoint(channel, main_loop, f"{WHEP_PATH}/{uid}", ice_servers)

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """An answer to all but a WebSocket's handshake."""
        origin = request.headers.get("origin")
        if origin is not None and origin.lower() not in self._origins:
            return self._foreign()
        answer = await self._route(request)
        if origin is not None:
            answer.headers += [
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Expose-Headers", EXPOSED),
                ("Vary", "Origin"),
            ]
        return answer

    async def admit_socket(self, request: HttpRequest) -> str | HttpAnswer:
        """The consumer whose socket it is, or why it is not opened."""
        origin = request.headers.get("origin")
        if origin is not None and origin.lower() not in self._origins:
            return self._foreign()
        if request.path != SOCKET_PATH:
            return _no_such()
        consumer = await self._door.enter(request.token, source_of(request.source)[0])
        if isinstance(consumer, Denied):
            return denial(consumer)
        if request.query.get("src") != self._uid:
            return _no_such()
        return consumer

    async def _route(self, request: HttpRequest) -> HttpAnswer:
        """By path: the endpoint, or one of its sessions."""
        head, _, conversation = self._below(request.path).partition("/")
        if request.method == "OPTIONS":
            return await self._options(request)
        source = source_of(request.source)[0]
        if conversation and "/" not in conversation and head == self._uid:
            return await self._session(request, conversation, source)
        consumer = await self._door.enter(request.token, source)
        if isinstance(consumer, Denied):
            return denial(consumer)
        if request.path == SOCKET_PATH:
            return HttpAnswer.text(
                HTTPStatus.UPGRADE_REQUIRED, "It is a WebSocket.", ("Upgrade", "websocket")
            )
        if not self._is_endpoint(request.path):
            return _no_such()
        if request.method != "POST":
            return _not_allowed("OPTIONS, POST")
        return await self._whep.open(request, consumer)

    async def _options(self, request: HttpRequest) -> HttpAnswer:
        """A browser asks without a token whether it may ask (Fetch, CORS preflight)."""
        consumer = await self._door.enter(request.token, source_of(request.source)[0])
        if consumer not in (Denied.NO_TOKEN,) and isinstance(consumer, Denied):
            return denial(consumer)
        known = not isinstance(consumer, Denied)
        if known and not request.path.startswith((WHEP_PATH, SOCKET_PATH)):
            return _no_such()
        return self._whep.options(with_servers=known)

    async def _session(self, request: HttpRequest, conversation: str, source: str) -> HttpAnswer:
        """Of whoever opened it. One whose token stood in the address is known by its own address,
        as no client repeats the query.
        """
        session: PullSession | None = None
        if request.token is None:
            session = await self._whep.session(conversation)
            if session is None or not session.opened_by_query:
                return denial(Denied.NO_TOKEN)
        else:
            consumer = await self._door.enter(request.token, source)
            if isinstance(consumer, Denied):
                return denial(consumer)
            session = await self._whep.session(conversation)
            if session is None or session.caller != consumer:
                return _no_such()
        if request.method == "PATCH":
            return await self._whep.patch(request, session)
        if request.method == "DELETE":
            return await self._whep.delete(session)
        return _not_allowed("OPTIONS, PATCH, DELETE")

    def _below(self, path: str) -> str:
        prefix = f"{WHEP_PATH}/"
        return path.removeprefix(prefix) if path.startswith(prefix) else ""

    def _is_endpoint(self, path: str) -> bool:
        return path.rstrip("/") in (WHEP_PATH, f"{WHEP_PATH}/{self._uid}")

    def _foreign(self) -> HttpAnswer:
        self._counts.count(RefusalKind.CONNECTION)
        return HttpAnswer.text(
            HTTPStatus.FORBIDDEN, "This page is not one that may pull (pull.origins)."
        )


def denial(why: Denied) -> HttpAnswer:
    """What whoever does not get in is told."""
    if why is Denied.TOO_MANY:
        return HttpAnswer.text(
            HTTPStatus.TOO_MANY_REQUESTS,
            "Too many wrong tokens at this moment.",
            ("Retry-After", str(RETRY_AFTER)),
        )
    return HttpAnswer.text(
        HTTPStatus.UNAUTHORIZED, f"{why.value.capitalize()}.", ("WWW-Authenticate", "Bearer")
    )


def _no_such() -> HttpAnswer:
    return HttpAnswer.text(HTTPStatus.NOT_FOUND, "There is nothing of that name here.")


def _not_allowed(allowed: str = METHODS) -> HttpAnswer:
    return HttpAnswer.text(
        HTTPStatus.METHOD_NOT_ALLOWED, f"Allowed: {allowed}.", ("Allow", allowed)
    )
