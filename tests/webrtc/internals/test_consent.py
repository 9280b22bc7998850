"""Silence, and the end of consent."""

from __future__ import annotations

import asyncio

import pytest

from agent.core.call.events import (
    FirstFrameSeen,
    PeerFailed,
    PeerHeard,
    PeerLost,
    PeerSilent,
)
from agent.ports import LocalStream
from agent.webrtc.internals import consent as ice
from tests.webrtc.feeds import ClipFeed, SoundFeed
from tests.webrtc.pairs import Filter, Hole, Side, closing, connect, until

pytestmark = pytest.mark.media


async def test_consent_of_a_silent_path_is_told_of_and_kept(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was silent works again by itself, and starts with a key frame."""
    monkeypatch.setattr(ice, "CONSENT_INTERVAL", 0.1)
    monkeypatch.setattr(ice, "SILENCE", 0.5)
    monkeypatch.setattr(ice, "LISTENING", 0.05)
    feed = ClipFeed(clip)
    device, caller = Side(LocalStream(feed)), Side()
    async with closing(device, caller):
        await connect(caller, device)
        await device.event(FirstFrameSeen)
        hole = Hole(caller.peer)
        silent = await device.event(PeerSilent)
        assert silent.seconds >= 0.5
        asked = feed.subscriptions[0].keyframe_requests
        hole.end()
        await device.event(PeerHeard)
        await until(lambda: feed.subscriptions[0].keyframe_requests > asked)
        assert not device.of(PeerLost)


async def test_consent_of_a_remote_peer_that_never_answers_expires(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ice, "CONSENT_INTERVAL", 0.1)
    monkeypatch.setattr(ice, "CONSENT_EXPIRY", 0.5)
    monkeypatch.setattr(ice, "LISTENING", 0.05)
    device, caller = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(device, caller):
        await connect(caller, device)
        await device.event(FirstFrameSeen)
        for protocol in caller.peer._pc.require_ice()._protocols:
            protocol.transport.abort()
        lost = await device.event(PeerLost)
        assert "does not answer" in lost.detail
        assert not lost.closed
        assert len(device.of(PeerLost)) == 1
        assert not device.of(PeerFailed)


async def test_consent_is_not_asked_for_over_a_closed_socket(clip: list[bytes]) -> None:
    """It would raise in the task that asks, and the end of the transport awaits that one."""
    device, caller = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(caller, device):
        await connect(caller, device)
        consent = device.peer._consent
        assert consent is not None
        assert await consent._check()
        for protocol in device.peer._pc.require_ice()._protocols:
            protocol.transport.abort()
        # now the socket is gone
        await asyncio.sleep(0)
        assert not await consent._check()


async def test_consent_of_a_path_that_is_dead_in_our_direction_is_told_of(
    clip: list[bytes], sound: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sound, pictures and checks of the remote peer arrive all the while; nothing of ours does."""
    hasten(monkeypatch)
    device = Side(LocalStream(ClipFeed(clip)))
    caller = Side(LocalStream(audio=SoundFeed(sound)))
    async with closing(device, caller):
        await connect(caller, device)
        await device.event(FirstFrameSeen)
        received = device.peer._packets_received()
        filters = [
            Filter(protocol, lambda _: False)
            for protocol in device.peer._pc.require_ice()._protocols
        ]
        await device.event(PeerSilent)
        assert device.peer._packets_received() > received
        # what arrives is no end of it
        await until(lambda: device.peer._packets_received() > received + 50)
        assert not device.of(PeerHeard)
        for each in filters:
            each.end()
        await device.event(PeerHeard)
        assert len(device.of(PeerSilent)) == 1


async def test_consent_of_a_path_with_a_long_queue_is_kept(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers come too late, or not at all; reports name packets that arrived."""
    hasten(monkeypatch)
    # a report comes every 0.5 to 1.5 s
    monkeypatch.setattr(ice, "ONE_WAY", 3.5)
    device, caller = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(device, caller):
        await connect(caller, device)
        await device.event(FirstFrameSeen)
        consent = device.peer._consent
        assert consent is not None

        async def unanswered() -> bool:
            return False

        await until(lambda: device.peer._media.acknowledged > 0)
        reports = device.peer._media.acknowledged
        monkeypatch.setattr(consent, "_check", unanswered)
        await until(lambda: device.peer._media.acknowledged >= reports + 5)
        assert not device.of(PeerSilent)


def hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice, "CONSENT_INTERVAL", 0.2)
    monkeypatch.setattr(ice, "SILENCE", 2.0)
    monkeypatch.setattr(ice, "ONE_WAY", 2.0)
    monkeypatch.setattr(ice, "DOUBT", 1.0)
    monkeypatch.setattr(ice, "LISTENING", 0.05)
