"""HTTP with a body, as it is and as strangers make it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest

from agent.pull import http_connection
from agent.pull.http_connection import MAX_BODY, MAX_HEAD, HttpConnection
from agent.pull.http_messages import HttpAnswer, HttpRequest
from tests.pull.http_client import HOST, ask, listening, read_reply
from tests.waiting import PATIENCE

HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\n"


async def echo(request: HttpRequest) -> HttpAnswer:
    return HttpAnswer(HTTPStatus.CREATED, request.body, [("X", request.path), ("Link", "<a>")])


async def refuse(
    request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> HttpAnswer | None:
    return HttpAnswer.text(HTTPStatus.UNAUTHORIZED, "no")


@asynccontextmanager
async def serving(
    answer: Callable[[HttpRequest], object] = echo, upgrade: object = refuse
) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await HttpConnection(reader, writer, HOST, answer, upgrade).run()  # type: ignore[arg-type]

    async with listening(serve) as port:
        yield port


async def talk(port: int, data: bytes) -> bytes:
    """All that comes until the other side ends."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(data)
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read()
    writer.close()
    return answer


async def test_request_with_a_body_is_answered() -> None:
    async with serving() as port:
        reply = await ask(port, "POST", "/whep?a=b", b"an offer")
    assert (reply.status, reply.body, reply["X"]) == (201, b"an offer", "/whep")
    assert reply["Cache-Control"] == "no-store"


async def test_connection_serves_one_request_after_the_other() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        one = HEAD + b"Content-Length: 3\r\n\r\none"
        # in pieces, in chunks, and early
        writer.write(one[:20])
        await writer.drain()
        writer.write(one[20:])
        assert (await read_reply(reader)).body == b"one"
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n" + one)
        assert (await read_reply(reader)).body == b"two"
        assert (await read_reply(reader)).body == b"one"
        writer.close()


async def test_client_that_asks_first_is_told_to_go_on() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert (await read_reply(reader)).status == 100
        writer.write(b"one")
        assert (await read_reply(reader)).body == b"one"
        writer.close()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"8000\r\n%s\r\n" % (b"x" * 0x8000) * 3,
            413,
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * (MAX_HEAD + 1), 431),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (HEAD + b"Content-Length: 3\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /?" + b"&".join([b"a=1"] * 99) + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ],
)
async def test_request_that_is_none_is_refused_and_ends(data: bytes, status: int) -> None:
    async with serving() as port:
        answer = await talk(port, data)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close" in answer


async def test_answer_without_content_has_no_length() -> None:
    async def nothing(request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(HTTPStatus.NO_CONTENT)

    async with serving(nothing) as port:
        reply = await ask(port, "PATCH", "/x")
    assert reply.status == 204
    assert "Content-Length" not in dict(reply.headers)


async def test_client_that_leaves_takes_its_question_back() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait(request: HttpRequest) -> HttpAnswer:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async with serving(wait) as port, asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection(HOST, port)
        writer.write(HEAD + b"\r\n")
        await began.wait()
        writer.close()
        await ended.wait()


@pytest.mark.parametrize(
    ("limit", "sent"),
    [("IDLE_TIMEOUT", b""), ("REQUEST_TIMEOUT", HEAD + b"Content-Length: 9\r\n\r\n")],
)
async def test_connection_that_says_nothing_ends(
    limit: str, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        monkeypatch.setattr(http_connection, limit, 0.0)
        if limit == "IDLE_TIMEOUT":
            # the next request is the one that does not come
            sent = HEAD + b"Content-Length: 0\r\n\r\n"
        writer.write(sent)
        async with asyncio.timeout(PATIENCE):
            await reader.read()
        writer.close()


async def test_number_of_requests_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "MAX_REQUESTS", 2)
    async with serving() as port:
        answer = await talk(port, (HEAD + b"Content-Length: 0\r\n\r\n") * 3)
    assert answer.count(b"HTTP/1.1 201") == 2


async def test_websocket_that_is_refused_is_told() -> None:
    async with serving() as port:
        answer = await talk(
            port,
            b"GET /api/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        )
    assert answer.startswith(b"HTTP/1.1 401 ")
