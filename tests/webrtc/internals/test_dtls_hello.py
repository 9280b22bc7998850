"""The client's first flight, where nothing comes back."""

from __future__ import annotations

import pytest

from agent.core.call.events import PeerConnected
from agent.ports import LocalStream
from agent.webrtc.internals import dtls_reader
from agent.webrtc.internals.dtls_reader import HELLO_AGAIN
from tests.webrtc.feeds import ClipFeed
from tests.webrtc.pairs import Side, Undecided, closing, until
from tests.webrtc.strangers import LOOPBACK

pytestmark = pytest.mark.media


class DeafUntilRepeated:
    """A path that loses everything until the very same hello comes again.

    OpenSSL's own repetition is no such one: its record has another number.
    """

    def __init__(self, side: Side) -> None:
        self._transport = side.peer._pc.require_dtls().transport
        self._send = self._transport._send
        self.sent: list[bytes] = []
        self._transport._send = self._lose

    async def _lose(self, data: bytes) -> None:
        self.sent.append(data)
        if self.sent.count(self.sent[0]) > 1:
            await self._send(data)


async def test_dtls_hello_that_is_lost_is_said_again_before_openssl_does(
    clip: list[bytes],
) -> None:
    caller, device = Side(ice=LOOPBACK), Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK)
    async with closing(caller, device):
        answer = await device.peer.create_answer(await caller.peer.create_offer())
        path = DeafUntilRepeated(device)
        await caller.peer.apply_answer(answer)
        await device.event(PeerConnected)
    # a handshake record
    assert path.sent[0][0] == 22


async def test_dtls_hello_that_is_answered_is_said_once(clip: list[bytes]) -> None:
    caller, device = Side(ice=LOOPBACK), Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK)
    async with closing(caller, device):
        answer = await device.peer.create_answer(await caller.peer.create_offer())
        transport = device.peer._pc.require_dtls().transport
        sent, send = list[bytes](), transport._send

        async def note(data: bytes) -> None:
            sent.append(data)
            await send(data)

        transport._send = note
        await caller.peer.apply_answer(answer)
        await device.event(PeerConnected)
        # at most while the answer was on its way
        assert sent.count(sent[0]) <= 1 + len(HELLO_AGAIN)
        assert sent[-1] != sent[0]


async def test_dtls_hello_is_said_again_at_once_when_the_remote_peer_has_chosen(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """libnice lets nothing through before."""
    monkeypatch.setattr(dtls_reader, "HELLO_AGAIN", (3600.0,))
    caller, device = Side(ice=LOOPBACK), Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK)
    async with closing(caller, device):
        offer = await caller.peer.create_offer()
        undecided = Undecided(caller)
        answer = await device.peer.create_answer(offer)
        path = DeafUntilRepeated(device)
        await caller.peer.apply_answer(answer)
        await until(lambda: bool(path.sent))
        await undecided.choose(undecided.ice._check_list[0])
        await device.event(PeerConnected)
    assert path.sent.count(path.sent[0]) == 2
