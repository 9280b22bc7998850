"""The WebSocket that go2rtc speaks: `webrtc/offer`, `webrtc/candidate` and `webrtc/answer`, each
with a text as its value; and `webrtc`, with a description as an object.

go2rtc closes it as soon as media flow. So its end means nothing once the answer is out: the
transport's end, or silence, ends the conversation.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from agent.core.call.values import IceCandidate
from agent.pull.main_loop import MainLoop
from agent.pull.pull_channel import PullChannel
from agent.pull.pull_session import Complaint, Follow, PullRefused, PullSession, SessionEnded

logger = logging.getLogger(__name__)

# seconds from the handshake to the offer
OFFER_TIMEOUT = 15.0
# messages of one socket; a browser sends a candidate for each of its addresses
MAX_RECEIVED = 512
OFFERS = ("webrtc/offer", "webrtc")
# to a socket that begins too much: a policy is violated (RFC 6455 7.4.1)
_TOO_MUCH = 1008


class TextSocket(Protocol):
    async def receive(self) -> str | None:
        """The next text; None once it is closed."""

    async def send(self, text: str) -> None: ...

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


class Go2rtcSocket:
    """Serves one socket of `consumer`, in the server's thread."""

    def __init__(
        self, channel: PullChannel, main_loop: MainLoop, socket: TextSocket, consumer: str
    ) -> None:
        self._channel = channel
        self._main_loop = main_loop
        self._socket = socket
        self._consumer = consumer
        self._session: PullSession | None = None
        self._answered = asyncio.Event()

    async def run(self) -> None:
        """Until either side closes it, or the conversation is over."""
        receiving = asyncio.create_task(self._receive(), name="callbox-go2rtc-in")
        following = asyncio.create_task(self._follow(), name="callbox-go2rtc-out")
        try:
            await asyncio.wait({receiving, following}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            receiving.cancel()
            following.cancel()
            await asyncio.gather(receiving, following, return_exceptions=True)
        ended = receiving if receiving.done() and not receiving.cancelled() else following
        code, reason = ended.result()
        await self._socket.close(code, reason)

    async def _receive(self) -> tuple[int, str]:
        """With which words the socket is closed."""
        for _ in range(MAX_RECEIVED):
            patience = None if self._answered.is_set() else OFFER_TIMEOUT
            try:
                async with asyncio.timeout(patience):
                    text = await self._socket.receive()
            except TimeoutError:
                return _TOO_MUCH, "no offer came"
            if text is None:
                return 1000, ""
            await self._take(text)
        return _TOO_MUCH, "too many messages"

    async def _take(self, text: str) -> None:
        message = _read(text)
        kind, value = message.get("type"), message.get("value")
        if kind in OFFERS:
            await self._offered(str(kind), value)
        elif kind == "webrtc/candidate":
            await self._candidate(value)
        elif isinstance(kind, str):
            # a player asks for other kinds of stream as well, and falls back
            await self._error(kind[:64], "is not understood")
        else:
            await self._error("message", "is no message of go2rtc's")

    async def _offered(self, kind: str, value: Any) -> None:
        if self._session is not None:
            await self._error(kind, "there was one before")
            return
        sdp = value.get("sdp") if isinstance(value, Mapping) else value
        if not isinstance(sdp, str):
            await self._error(kind, "has no description")
            return
        try:
            self._session = await self._main_loop.run(
                self._channel.invite(self._consumer, "go2rtc", sdp)
            )
        except PullRefused as why:
            await self._error(kind, why.code)
            return
        answer = self._session.answer.result()
        if kind == "webrtc":
            await self._say("webrtc", {"type": "answer", "sdp": answer})
        else:
            await self._say("webrtc/answer", answer)
        self._answered.set()

    async def _candidate(self, value: Any) -> None:
        text = value.get("candidate") if isinstance(value, Mapping) else value
        if self._session is None or self._session.ended or not isinstance(text, str):
            return
        # it names no section: all share one transport
        candidate = IceCandidate(text) if text else None
        try:
            await self._main_loop.run(self._add(self._session, candidate))
        except PullRefused as why:
            await self._error("webrtc/candidate", why.code)

    async def _add(self, session: PullSession, candidate: IceCandidate | None) -> None:
        self._channel.add_candidate(session, candidate)

    async def _follow(self) -> tuple[int, str]:
        """Tell what follows the answer; at the end of the conversation, with which words the socket
        is closed.
        """
        await self._answered.wait()
        assert self._session is not None  # noqa: S101 - for the type checker
        while True:
            message: Follow = await self._main_loop.run(self._session.next())
            match message:
                case SessionEnded(reason):
                    await self._error(OFFERS[0], reason)
                    return 1000, reason
                case Complaint(code, text):
                    await self._error(OFFERS[0], f"{code}: {text}")
                case IceCandidate(candidate):
                    await self._say("webrtc/candidate", candidate)

    async def _error(self, kind: str, words: str) -> None:
        await self._say("error", f"{kind}: {words}")

    async def _say(self, kind: str, value: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, "value": value}))


def _read(text: str) -> Mapping[str, Any]:
    """An empty message for what is none."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, Mapping) else {}
