"""What takes time for one transport is done in order, and every failure ends in one input."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent.client.transport import Transport
from agent.core.call import events as ev
from agent.core.call.reasons import CloseReason
from agent.errors import MediaUnavailable, NoCommonCodec, PeerError, UnusableDescription
from agent.ports import IceOptions, LocalStream
from tests.fakes.peer import FakePeer
from tests.waiting import until


def make_peer() -> FakePeer:
    return FakePeer(
        generation=0,
        local=LocalStream(),
        grant=ev.MediaGrant(),
        ice=IceOptions(),
        on_event=lambda _: None,
        on_control=lambda _: None,
    )


@asynccontextmanager
async def running(peer: FakePeer) -> AsyncIterator[tuple[Transport, list[Any]]]:
    posted: list[Any] = []
    transport = Transport(peer, 0, posted.append, object())
    run = asyncio.create_task(transport.run())
    try:
        yield transport, posted
    finally:
        transport.stop()
        await run
    assert peer.closed


async def test_transport_posts_its_description() -> None:
    peer = make_peer()
    async with running(peer) as (transport, posted):
        transport.describe(peer.create_offer)
        await until(lambda: bool(posted))
    assert posted == [ev.DescriptionReady(0, "offer 0")]


async def test_transport_work_is_done_in_order() -> None:
    peer = make_peer()
    peer.hold.clear()
    async with running(peer) as (transport, _):
        transport.describe(peer.create_offer)
        transport.apply_answer("v=0")
        transport.add_candidate(None)
        await asyncio.sleep(0)
        assert peer.answered is None
        peer.hold.set()
        await until(lambda: bool(peer.candidates))
    assert peer.answered == "v=0"


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (MediaUnavailable("no camera"), "no_user_media", CloseReason.NO_USER_MEDIA),
        (NoCommonCodec("only VP8"), "no_common_codec", CloseReason.REJECTED),
        (UnusableDescription("no section"), "unusable_sdp", CloseReason.REJECTED),
        (PeerError("closed"), "transport_failed", CloseReason.ICE_FAILED),
        (RuntimeError("a bug"), "internal", CloseReason.UNKNOWN_REASON),
    ],
)
async def test_transport_failure_becomes_an_input(
    error: Exception, code: str, reason: CloseReason
) -> None:
    peer = make_peer()
    peer.failure = error
    async with running(peer) as (transport, posted):
        transport.describe(peer.create_offer)
        await until(lambda: bool(posted))
    (failed,) = posted
    assert (failed.code, failed.reason) == (code, reason)


async def test_transport_stopped_while_it_works_posts_nothing() -> None:
    peer = make_peer()
    peer.hold.clear()
    async with running(peer) as (transport, posted):
        transport.describe(peer.create_offer)
        await asyncio.sleep(0)
    assert posted == []


@pytest.mark.parametrize("steps", range(8))
async def test_transport_whose_run_is_cancelled_in_its_end_is_closed(steps: int) -> None:
    """Its conversation has waited for it long enough, on a loop that hardly runs."""
    peer = make_peer()
    peer.hold.clear()
    transport = Transport(peer, 0, lambda _: None, object())
    run = asyncio.create_task(transport.run())
    transport.describe(peer.create_offer)
    await asyncio.sleep(0)
    transport.stop()
    for _ in range(steps):
        await asyncio.sleep(0)
    run.cancel()
    await asyncio.wait({run})
    assert peer.closed
