"""People are told of a visitor over HTTP, by real servers."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from agent.doorbell.notifications import (
    QUEUE_LENGTH,
    Notice,
    NotificationSender,
    Request,
    post,
    request_of,
)
from agent.doorbell.notify_settings import NotifySettings
from tests.waiting import PATIENCE

RING = Notice("ring", "2026-11-28T10:15:00.123Z", "front", "c-1", ("alice", "bob"))
PICTURE = b"\xff\xd8 a visitor \xff\xd9"


class Server:
    """A real HTTP server on a thread; it answers `statuses` in turn, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses) or [200]
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.arrived = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                with outer.arrived:
                    found = (self.command, self.path, dict(self.headers.items()), body)
                    outer.requests.append(found)
                    outer.arrived.notify_all()
                status = outer.statuses[0]
                if len(outer.statuses) > 1:
                    outer.statuses.pop(0)
                self.send_response(status)
                if status in (302, 307):
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PUT = do_GET = answer  # noqa: N815 - the names that http.server looks for

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/door?key=secret"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    async def requested(self, count: int) -> None:
        def wait() -> bool:
            with self.arrived:
                return self.arrived.wait_for(lambda: len(self.requests) >= count, PATIENCE)

        assert await asyncio.to_thread(wait)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def serving(*statuses: int) -> Iterator[Server]:
    server = Server(*statuses)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    with serving() as running:
        yield running


async def test_a_ring_is_told_by_one_request(server: Server) -> None:
    settings = NotifySettings(
        url=server.url,
        headers={"Title": "{button}: {targets}", "X-Who": "T\u00fcr"},
        body="{event} at {uid}, {time}, {conversation}",
        token=SecretStr("t0ken"),
    )
    async with NotificationSender([settings], "door-1") as sender:
        sender.tell(RING)
        await server.requested(1)
    ((method, path, headers, body),) = server.requests
    assert (method, path) == ("POST", "/door?key=secret")
    assert body == b"ring at door-1, 2026-11-28T10:15:00.123Z, c-1"
    assert headers["Title"] == "front: alice, bob"
    assert headers["Authorization"] == "Bearer t0ken"
    assert str(make_header(decode_header(headers["X-Who"]))) == "T\u00fcr"
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_a_picture_is_the_body_and_the_text_a_header(server: Server) -> None:
    settings = NotifySettings(url=server.url, method="PUT", body="a\nb", picture=True)
    async with NotificationSender([settings], "door-1") as sender:
        assert sender.wants_picture
        sender.tell(Notice("ring", RING.time, picture=PICTURE))
        sender.tell(RING)
        await server.requested(2)
    with_picture, without = server.requests
    assert (with_picture[0], with_picture[3]) == ("PUT", PICTURE)
    assert with_picture[2]["Content-Type"] == "image/jpeg"
    assert with_picture[2]["Message"] == "a b"
    assert without[3] == b"a\nb"


async def test_only_what_was_asked_for_is_told(server: Server) -> None:
    settings = NotifySettings(url=server.url, on=("missed", "open"), body="{event}")
    async with NotificationSender([settings], "door-1") as sender:
        for event in ("ring", "missed", "open"):
            sender.tell(Notice(event, RING.time))
        await server.requested(2)
    assert [body for *_, body in server.requests] == [b"missed", b"open"]


async def test_repeated_presses_are_not_told(server: Server) -> None:
    settings = NotifySettings(url=server.url, body="{button}")
    reasons = ("rate_limited", "already_ringing", "privacy_mode", "busy", "offline", None)
    async with NotificationSender([settings], "door-1") as sender:
        for reason in reasons:
            sender.tell(Notice("ring", RING.time, str(reason), suppressed=reason))
        await server.requested(4)
    told = [body.decode() for *_, body in server.requests]
    assert told == ["privacy_mode", "busy", "offline", "None"]


@pytest.mark.parametrize(
    ("statuses", "requests", "outcome"),
    [((500, 200), 2, None), ((500, 500, 200), 2, "given up"), ((404, 401), 2, "given up")],
)
async def test_a_failure_is_tried_once_more(
    statuses: tuple[int, ...],
    requests: int,
    outcome: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with serving(*statuses) as server:
        settings = NotifySettings(url=server.url)
        async with NotificationSender([settings], "door-1", retry_pause=0.0) as sender:
            sender.tell(RING)
            await server.requested(requests)
        assert len(server.requests) == requests
    warned = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert bool(warned) == (outcome is not None)
    # a query may be a password
    assert "secret" not in caplog.text


async def test_a_redirect_is_not_followed() -> None:
    with serving(302, 307) as server:
        settings = NotifySettings(url=server.url, token=SecretStr("t0ken"))
        async with NotificationSender([settings], "door-1", retry_pause=0.0) as sender:
            sender.tell(RING)
            await server.requested(2)
        assert {path for _, path, _, _ in server.requests} == {"/door?key=secret"}


async def test_a_dead_address_delays_no_other(server: Server) -> None:
    hanging = threading.Event()

    def one_hangs(request: Request) -> None:
        if request.url == "http://dead.home/":
            hanging.wait(60)
        else:
            post(request)

    targets = [NotifySettings(url="http://dead.home/"), NotifySettings(url=server.url)]
    try:
        async with NotificationSender(targets, "door-1", post=one_hangs) as sender:
            for _ in range(3):
                sender.tell(RING)
            await server.requested(3)
            hanging.set()
    finally:
        hanging.set()


async def test_what_waits_is_bounded_and_the_oldest_goes(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    taken, release = threading.Event(), threading.Event()

    def wait_first(request: Request) -> None:
        taken.set()
        release.wait(30)
        post(request)

    settings = NotifySettings(url=server.url, body="{button}")
    async with NotificationSender([settings], "door-1", post=wait_first) as sender:
        sender.tell(Notice("ring", RING.time, "first"))
        await asyncio.to_thread(taken.wait, PATIENCE)
        for number in range(QUEUE_LENGTH + 2):
            sender.tell(Notice("ring", RING.time, str(number)))
        release.set()
        await server.requested(QUEUE_LENGTH + 1)
    told = [body.decode() for *_, body in server.requests]
    assert told == ["first", *map(str, range(2, QUEUE_LENGTH + 2))]
    assert caplog.text.count("is dropped") == 2


async def test_a_name_that_cannot_be_looked_up_ends_nothing(server: Server) -> None:
    label = "x" * 64
    targets = [NotifySettings(url=f"http://{label}.home/"), NotifySettings(url=server.url)]
    async with NotificationSender(targets, "door-1", retry_pause=0.0) as sender:
        sender.tell(RING)
        await server.requested(1)
        sender.tell(RING)
        await server.requested(2)


def test_a_template_with_doubled_braces_is_json() -> None:
    settings = NotifySettings(
        url="http://n8n.home/",
        headers={"Content-Type": "application/json"},
        body='{{"who": "{button}"}}',
    )
    request = request_of(settings, "door-1", RING)
    assert request.body == b'{"who": "front"}'
    assert request.headers["Content-Type"] == "application/json"
