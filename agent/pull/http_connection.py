"""One HTTP/1.1 connection on h11: requests with a body are read whole, and answered one after the
other.

Every wait has a deadline and every part a bound. Whoever asks for a WebSocket gets the connection
as it is from then on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus

import h11

from agent.pull.http_messages import HttpAnswer, HttpRequest

logger = logging.getLogger(__name__)

# bytes of a request line with its headers, and of a body (PROTOCOL 8)
MAX_HEAD = 16 * 1024
MAX_BODY = 64 * 1024
# seconds for one request to come whole, and until the next one begins
REQUEST_TIMEOUT = 10.0
IDLE_TIMEOUT = 60.0
# seconds for an answer to be taken
SEND_TIMEOUT = 10.0
MAX_REQUESTS = 1000
_READ = 16 * 1024

Answer = Callable[[HttpRequest], Awaitable[HttpAnswer]]
Upgrade = Callable[
    [HttpRequest, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[HttpAnswer | None]
]


class HttpConnection:
    """Serves one connection of `source` with `answer`. `upgrade` has it once a WebSocket was asked
    for: it returns when that is over, or at once with why there is none.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        source: str,
        answer: Answer,
        upgrade: Upgrade,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._source = source
        self._answer = answer
        self._upgrade = upgrade
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)

    async def run(self) -> None:
        """Until either side ends it."""
        with suppress(OSError, TimeoutError):
            for _ in range(MAX_REQUESTS):
                try:
                    request = await self._next_request()
                except h11.RemoteProtocolError as error:
                    status = HTTPStatus(error.error_status_hint or 400)
                    await self._send(HttpAnswer.text(status, status.phrase), close=True)
                    return
                if request is None:
                    return
                if request.opens_websocket and request.method == "GET":
                    refused = await self._upgrade(request, self._reader, self._writer)
                    if refused is not None:
                        await self._send(refused, close=True)
                    return
                if not await self._respond(request):
                    return

    # -- in ----------------------------------------------------------------------------------------

    async def _next_request(self) -> HttpRequest | None:
        """None where there will be none. Raises h11.RemoteProtocolError."""
        first: object = self._http.next_event()
        if first is h11.NEED_DATA:
            async with asyncio.timeout(IDLE_TIMEOUT):
                await self._read()
            first = None
        async with asyncio.timeout(REQUEST_TIMEOUT):
            head = await self._event(first)
            if not isinstance(head, h11.Request):
                return None
            return self._request(head, await self._body(head))

    async def _body(self, head: h11.Request) -> bytes:
        length = next((value for name, value in head.headers if name == b"content-length"), b"0")
        if int(length) > MAX_BODY:
            raise _too_large()
        if self._http.they_are_waiting_for_100_continue:
            await self._write(
                self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
            )
        body = bytearray()
        while isinstance(event := await self._event(None), h11.Data):
            body += event.data
            if len(body) > MAX_BODY:
                raise _too_large()
        return bytes(body)

    async def _event(self, event: object) -> object:
        """The next event of the request; `event` where it is known already."""
        event = self._http.next_event() if event is None else event
        while event is h11.NEED_DATA:
            await self._read()
            event = self._http.next_event()
        return event

    async def _read(self) -> None:
        self._http.receive_data(await self._reader.read(_READ))

    def _request(self, head: h11.Request, body: bytes) -> HttpRequest:
        headers = tuple(
            (name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers
        )
        method, target = head.method.decode("ascii"), head.target.decode("ascii")
        try:
            return HttpRequest.of(method, target, headers, self._source, body)
        except ValueError as error:
            raise h11.RemoteProtocolError(str(error)) from None

    # -- out ---------------------------------------------------------------------------------------

    async def _respond(self, request: HttpRequest) -> bool:
        """Answer it, unless its client leaves before. Whether there may be a further request."""
        answering = asyncio.ensure_future(self._answer(request))
        watching = asyncio.ensure_future(self._reader.read(_READ))
        try:
            await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done() and not answering.done() and not watching.result():
                return False
            answer = await answering
        finally:
            for task in (answering, watching):
                task.cancel()
            await asyncio.gather(answering, watching, return_exceptions=True)
        if not watching.cancelled() and (data := watching.result()):
            # the next request came early
            self._http.receive_data(data)
        return await self._send(answer, close=False)

    async def _send(self, answer: HttpAnswer, *, close: bool) -> bool:
        """Whether there may be a further request."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return False
        headers = [
            *answer.headers,
            ("Content-Length", str(len(answer.body))),
            ("Date", formatdate(usegmt=True)),
            ("Cache-Control", "no-store"),
        ]
        if close:
            headers.append(("Connection", "close"))
        if answer.status is HTTPStatus.NO_CONTENT:
            headers = [each for each in headers if each[0] != "Content-Length"]
        response = h11.Response(
            status_code=int(answer.status), headers=headers, reason=answer.status.phrase
        )
        data = self._http.send(response) or b""
        if answer.body:
            data += self._http.send(h11.Data(data=answer.body)) or b""
        await self._write(data + (self._http.send(h11.EndOfMessage()) or b""))
        if {self._http.our_state, self._http.their_state} != {h11.DONE}:
            return False
        self._http.start_next_cycle()
        return True

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        async with asyncio.timeout(SEND_TIMEOUT):
            await self._writer.drain()


def _too_large() -> h11.RemoteProtocolError:
    return h11.RemoteProtocolError(
        f"the body is larger than {MAX_BODY} bytes", error_status_hint=413
    )
