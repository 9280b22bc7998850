"""What serves both pages: who answers is asked for each request, also where that takes time."""

from __future__ import annotations

import asyncio
import http
from urllib.request import urlopen

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from agent.web.page_files import PageResponses
from agent.web.web_options import WebOptions
from agent.web.web_server import WebServer
from tests.free_ports import free_port
from tests.waiting import PATIENCE


async def test_web_server_answers_when_its_answer_is_there() -> None:
    asked: list[str] = []

    async def respond(_: str, request: Request) -> Response:
        asked.append(request.path)
        await asyncio.sleep(0)
        return PageResponses(secure=False).plain(http.HTTPStatus.OK, "here")

    async def carry(_: ServerConnection) -> None: ...

    options = WebOptions(port=free_port())
    async with WebServer(options, respond, carry):
        with await asyncio.to_thread(urlopen, f"{options.url}what?a=1", timeout=PATIENCE) as answer:
            assert answer.read() == b"here\n"
    assert asked == ["/what?a=1"]
