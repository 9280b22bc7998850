"""The messages of go2rtc's WebSocket, as its client and its player send them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent.client.conversation import Conversation
from agent.core.call.decision import Action, Decision
from agent.core.call.events import CandidateFound
from agent.core.call.machine import State
from agent.core.call.reasons import CloseReason
from agent.core.call.values import IceCandidate
from agent.pull import go2rtc_socket
from agent.pull.go2rtc_socket import MAX_RECEIVED, Go2rtcSocket
from tests.pull.scene import OFFER, Scene, pulled
from tests.waiting import until

HOST = "candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host"


class FakeSocket:
    """See `agent.pull.go2rtc_socket.TextSocket`. `None` in `texts` is the other side's close."""

    def __init__(self) -> None:
        self.texts: asyncio.Queue[str | None] = asyncio.Queue()
        self.said: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None

    async def receive(self) -> str | None:
        return await self.texts.get()

    async def send(self, text: str) -> None:
        self.said.append(json.loads(text))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = (code, reason)

    def hear(self, kind: Any, value: Any = None) -> None:
        self.texts.put_nowait(json.dumps({"type": kind, "value": value}))

    async def heard(self, kind: str) -> Any:
        """The value of the first message of that type."""

        def found() -> list[Any]:
            return [each["value"] for each in self.said if each["type"] == kind]

        await until(lambda: bool(found()))
        return found()[0]


@asynccontextmanager
async def talking(scene: Scene) -> AsyncIterator[FakeSocket]:
    socket = FakeSocket()
    running = asyncio.ensure_future(
        Go2rtcSocket(scene.channel, scene.main_loop, socket, "frigate").run()
    )
    try:
        yield socket
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def viewing(scene: Scene, socket: FakeSocket) -> Conversation:
    socket.hear("webrtc/offer", OFFER)
    await socket.heard("webrtc/answer")
    return next(iter(scene.client.conversations.values()))


async def test_offer_is_answered_and_candidates_go_both_ways() -> None:
    async with pulled() as scene, talking(scene) as socket:
        view = await viewing(scene, socket)
        assert (view.via, view.purpose) == ("go2rtc", "view")
        assert socket.said == [
            {"type": "webrtc/answer", "value": "answer 0\r\na=end-of-candidates"}
        ]
        socket.hear("webrtc/candidate", HOST)
        # its player says so that there are no more
        socket.hear("webrtc/candidate", "")
        await until(lambda: len(scene.peers.last.candidates) == 2)
        assert scene.peers.last.candidates == [IceCandidate(HOST), None]
        scene.peers.last.emit(CandidateFound(0, IceCandidate(HOST, "0", 0)))
        assert await socket.heard("webrtc/candidate") == HOST


async def test_offer_as_an_object_is_answered_as_one() -> None:
    async with pulled() as scene, talking(scene) as socket:
        socket.hear("webrtc", {"type": "offer", "sdp": OFFER})
        answer = await socket.heard("webrtc")
        assert answer == {"type": "answer", "sdp": "answer 0\r\na=end-of-candidates"}


async def test_view_goes_on_when_the_socket_is_closed_after_the_answer() -> None:
    """go2rtc closes it as soon as it is connected."""
    async with pulled() as scene, talking(scene) as socket:
        view = await viewing(scene, socket)
        await scene.connected(view)
        socket.texts.put_nowait(None)
        await until(lambda: socket.closed is not None)
        assert view.state is State.ESTABLISHED


async def test_end_of_the_conversation_closes_the_socket() -> None:
    async with pulled() as scene, talking(scene) as socket:
        await viewing(scene, socket)
        scene.client.end_all(CloseReason.PRIVACY_MODE)
        await until(lambda: socket.closed is not None)
        assert socket.closed == (1000, "privacy_mode")
        assert await socket.heard("error") == "webrtc/offer: privacy_mode"


async def test_refusal_is_an_error_and_another_offer_may_follow() -> None:
    answers = iter([Decision(Action.REJECT, None, "not_allowed"), Decision(Action.ACCEPT, "nvr")])
    async with pulled(lambda _: next(answers)) as scene, talking(scene) as socket:
        socket.hear("webrtc/offer", OFFER)
        assert await socket.heard("error") == "webrtc/offer: not_allowed"
        await viewing(scene, socket)
        socket.hear("webrtc/offer", OFFER)
        await until(lambda: socket.said[-1]["value"] == "webrtc/offer: there was one before")
        assert len(scene.client.conversations) == 1


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '"x"',
        "[" * 5000,
        '{"type": 5}',
        '{"type": "mse", "value": "avc1"}',
        '{"type": "webrtc/offer"}',
        '{"type": "webrtc/offer", "value": 7}',
        '{"type": "webrtc", "value": {"sdp": null}}',
    ],
)
async def test_message_that_is_none_is_told_and_changes_nothing(text: str) -> None:
    async with pulled() as scene, talking(scene) as socket:
        socket.texts.put_nowait(text)
        assert await socket.heard("error")
        assert socket.closed is None
        assert not scene.client.conversations


async def test_candidate_before_the_offer_is_nothing() -> None:
    async with pulled() as scene, talking(scene) as socket:
        socket.hear("webrtc/candidate", HOST)
        await viewing(scene, socket)
        assert not scene.peers.last.candidates


async def test_socket_that_offers_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(go2rtc_socket, "OFFER_TIMEOUT", 0.0)
    async with pulled() as scene, talking(scene) as socket:
        await until(lambda: socket.closed is not None)
        assert socket.closed == (1008, "no offer came")


async def test_socket_that_says_too_much_is_closed() -> None:
    async with pulled() as scene, talking(scene) as socket:
        for _ in range(MAX_RECEIVED):
            socket.hear("webrtc/candidate", HOST)
        await until(lambda: socket.closed is not None)
        assert socket.closed == (1008, "too many messages")
