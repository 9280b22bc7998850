"""Tells people of a visitor by HTTP, beside the call and never in its way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.header import Header
from http import HTTPStatus
from http.client import HTTPException
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

from agent.doorbell.notify_settings import NotifySettings
from agent.printable import printable
from agent.threads import call_in_thread

logger = logging.getLogger(__name__)

# notices that wait for one address; the oldest gives way
QUEUE_LENGTH = 16
# seconds of silence in one request, and for the whole of it
REQUEST_TIMEOUT, WHOLE_TIMEOUT = 10.0, 20.0
# seconds from a failure to the second and last attempt
RETRY_PAUSE = 3.0
# seconds that a stop leaves a request under way
STOP_TIMEOUT = 2.0
# a reason for which a press rang nobody, that makes it no news (PROTOCOL 5)
REPEATED = frozenset({"rate_limited", "already_ringing"})


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened: `time` as the event has it, RFC 3339; `picture` a JPEG, if there is one."""

    event: Literal["ring", "missed", "open"]
    time: str
    button: str = ""
    conversation: str = ""
    targets: Sequence[str] = ()
    suppressed: str | None = None
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, whole."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


def address_of(url: str) -> str:
    """What may be logged of it: a path or a query may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


Post = Callable[[Request], None]
"""Sends one; blocks. Raises OSError or HTTPException where it was not taken."""


def request_of(settings: NotifySettings, uid: str, notice: Notice) -> Request:
    """What is sent of `notice`."""
    values = {
        "uid": uid,
        "button": notice.button,
        "event": notice.event,
        "time": notice.time,
        "conversation": notice.conversation,
        "targets": ", ".join(notice.targets),
    }
    text = settings.body.format_map(values)
    headers = {name: each.format_map(values) for name, each in settings.headers.items()}
    given = {name.lower() for name in headers}
    body, kind = text.encode(), "text/plain; charset=utf-8"
    if settings.picture and notice.picture is not None:
        body, kind = notice.picture, "image/jpeg"
        if "message" not in given:
            headers["Message"] = " ".join(text.split())
    if "content-type" not in given or body is notice.picture:
        headers = {name: each for name, each in headers.items() if name.lower() != "content-type"}
        headers["Content-Type"] = kind
    if settings.token is not None:
        headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
    if "user-agent" not in given:
        headers["User-Agent"] = "callbox"
    encoded = {name: _encoded(each) for name, each in headers.items()}
    return Request(settings.method, settings.url, encoded, body)


def _encoded(text: str) -> str:
    """RFC 2047 where a header's text is not ASCII."""
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=10_000).encode()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET, and would take the token to another host."""

    def redirect_request(self, *_arguments: object) -> None:
        """None: the answer is the error that it is."""


_opener = urllib.request.build_opener(_NoRedirect)


def post(request: Request) -> None:
    """Send one, by the system's proxies and certificates."""
    wanted = urllib.request.Request(  # noqa: S310 - the settings take http and https alone
        request.url, data=request.body, headers=request.headers, method=request.method
    )
    try:
        with _opener.open(wanted, timeout=REQUEST_TIMEOUT):
            pass
    except urllib.error.HTTPError as error:
        # it holds the connection
        error.close()
        raise


class NotificationSender:
    """An async context: one worker for each of `targets`, so that a dead one delays no other.

    `post` is called in a thread.
    """

    def __init__(
        self,
        targets: Iterable[NotifySettings],
        uid: str,
        *,
        post: Post = post,
        retry_pause: float = RETRY_PAUSE,
    ) -> None:
        self._uid = uid
        self._post = post
        self._retry_pause = retry_pause
        self._queues = [(each, asyncio.Queue[Notice](maxsize=QUEUE_LENGTH)) for each in targets]
        self._workers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> Self:
        for number, (target, queue) in enumerate(self._queues):
            worker = self._work(target, queue)
            self._workers.append(asyncio.create_task(worker, name=f"callbox-notify-{number}"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What was just told is still sent, for a moment."""
        self._stopping.set()
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=STOP_TIMEOUT)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    @property
    def wants_picture(self) -> bool:
        """Whether anybody is to get the visitor's picture."""
        return any(target.picture for target, _ in self._queues)

    def tell(self, notice: Notice) -> None:
        """Returns at once."""
        if notice.suppressed in REPEATED:
            return
        for target, queue in self._queues:
            if notice.event not in target.on:
                continue
            if queue.full():
                lost = queue.get_nowait()
                logger.warning(
                    "notify: %s was not told in time and is dropped (%s)",
                    lost.event,
                    address_of(target.url),
                )
            queue.put_nowait(notice)

    async def _work(self, target: NotifySettings, queue: asyncio.Queue[Notice]) -> None:
        while (notice := await self._next(queue)) is not None:
            request = request_of(target, self._uid, notice)
            if await self._sent(request, last=False):
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._retry_pause)
            await self._sent(request, last=True)

    async def _next(self, queue: asyncio.Queue[Notice]) -> Notice | None:
        """None when the device stops and nothing waits."""
        if queue.empty() and not self._stopping.is_set():
            got = asyncio.create_task(queue.get())
            ended = asyncio.create_task(self._stopping.wait())
            try:
                await asyncio.wait((got, ended), return_when=asyncio.FIRST_COMPLETED)
                if got.done():
                    return got.result()
            finally:
                for task in (got, ended):
                    task.cancel()
                await asyncio.gather(got, ended, return_exceptions=True)
        return None if queue.empty() else queue.get_nowait()

    async def _sent(self, request: Request, *, last: bool) -> bool:
        try:
            await self._within_time(request)
        except (OSError, HTTPException, ValueError) as error:
            # a name that no codec takes is a ValueError
            level = logging.WARNING if last else logging.INFO
            outcome = "given up" if last else "tried once more"
            logger.log(
                level,
                "notify: %s: %s; %s",
                address_of(request.url),
                printable(_reason(error)),
                outcome,
            )
            return False
        return True

    async def _within_time(self, request: Request) -> None:
        async with asyncio.timeout(WHOLE_TIMEOUT):
            await call_in_thread("callbox-notify", lambda: self._post(request))


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        try:
            phrase = HTTPStatus(error.code).phrase
        except ValueError:
            phrase = "unknown status"
        return f"answered {error.code} {phrase}"
    return str(error) or type(error).__name__
