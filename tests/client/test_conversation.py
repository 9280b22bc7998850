"""What an application can do with a call, and what it hears of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from agent.core.call import events as ev
from agent.core.call.events import IceCandidate, MediaGrant
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Side
from agent.core.statistics.reports import CallRecord, LocalStats
from agent.errors import InvalidStateError
from agent.ports import LocalStream
from tests.parties import FAST, called, connected, two
from tests.waiting import PATIENCE, until


async def test_conversation_rings_then_is_accepted() -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob", lifetime=10)
        incoming = await called(bob)
        await incoming.ring()
        ringing = await alice.seen("ringing")
        assert 9 < ringing.expires_in <= 10
        await incoming.accept()
        async with asyncio.timeout(PATIENCE):
            assert await outgoing.answered() is CallStatus.ACCEPTED


async def test_conversation_cancelled_while_the_answer_is_being_made() -> None:
    async with two() as (alice, bob):
        bob.peers.prepare = lambda peer: peer.hold.clear()
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        accepting = asyncio.ensure_future(incoming.accept())
        await until(lambda: bool(bob.peers.made))
        await outgoing.close()
        with pytest.raises(InvalidStateError):
            await accepting
        record = await incoming.wait_closed()
    assert (record.reason, record.closed_by) == (CloseReason.CANCELLED, Side.REMOTE)
    assert bob.peers.last.closed


async def test_conversation_requests_that_come_too_late_are_refused() -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        await incoming.reject()
        await incoming.reject()  # idempotent
        for request in (incoming.accept, incoming.ring):
            with pytest.raises(InvalidStateError):
                await request()
        first, second = await asyncio.gather(outgoing.close(), outgoing.close())
        assert first is second


async def test_conversation_requests_that_wait_at_the_end_are_told() -> None:
    async with two() as (alice, bob):
        alice.client.call("bob")
        incoming = await called(bob)
        incoming.hang_up()
        with pytest.raises(InvalidStateError):
            await asyncio.gather(incoming.ring(), incoming.accept())
        await incoming.wait_closed()
        with pytest.raises(InvalidStateError, match="closed"):
            await incoming.accept()


@pytest.mark.parametrize("reason", ["", "x" * 65])
async def test_conversation_reason_that_no_response_can_carry_is_refused(reason: str) -> None:
    async with two() as (alice, bob):
        alice.client.call("bob")
        incoming = await called(bob)
        with pytest.raises(ValueError, match="reason"):
            await incoming.reject(reason)
        assert incoming.state is State.INVITED


@pytest.mark.parametrize("reason", ["x", "x" * 64])
async def test_conversation_reason_that_just_fits_is_sent(reason: str) -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        await (await called(bob)).reject(reason)
        await outgoing.wait_closed()
        assert (await alice.seen("response")).reason == reason


async def test_conversation_close_travels_on_the_data_channel_too() -> None:
    async with two() as (alice, bob):
        outgoing, incoming = await connected(alice, bob)
        # the broker is away for alice
        alice.broker.drop()
        record = await outgoing.close()
        assert json.loads(alice.peers.last.controls[-1])["type"] == "close"
        bob.peers.last.control(alice.peers.last.controls[-1])
        theirs = await incoming.wait_closed()
    assert (record.reason, theirs.reason) == (CloseReason.USER_HANGUP, CloseReason.USER_HANGUP)


async def test_conversation_candidates_find_their_transport() -> None:
    async with two() as (alice, bob):
        await connected(alice, bob)
        candidate = IceCandidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", 0)
        alice.peers.last.emit(ev.CandidateFound(0, candidate))
        alice.peers.last.emit(ev.CandidateFound(0, None))
        await until(lambda: len(bob.peers.last.candidates) == 2)
        assert bob.peers.last.candidates == [candidate, None]


async def test_conversation_mute_is_kept_over_a_renewal() -> None:
    async with two() as (alice, bob):
        outgoing, _ = await connected(alice, bob)
        outgoing.mute(audio=True)
        assert alice.peers.last.muted == {"audio": True, "video": None}
        outgoing.renew()
        await until(lambda: len(alice.peers.made) == 2)
        assert alice.peers.last.muted == {"audio": True, "video": None}


async def test_conversation_media_grant_reaches_the_transport() -> None:
    async with two() as (alice, bob):
        alice.client.call("bob")
        await (await called(bob)).accept(grant=MediaGrant(video=False, max_duration=5))
        assert bob.peers.last.grant.video is False


async def test_conversation_stream_of_an_acceptance_is_sent() -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        stream = LocalStream()
        await (await called(bob)).accept(stream)
        assert bob.peers.last.local is stream
        await outgoing.answered()


async def test_conversation_stream_that_comes_too_late_changes_nothing() -> None:
    async with two() as (alice, bob):
        _, incoming = await connected(alice, bob)
        first, late = bob.peers.last.local, LocalStream()
        with pytest.raises(InvalidStateError):
            await incoming.accept(late)
        incoming.renew()
        await until(lambda: len(bob.peers.made) == 2)
        assert bob.peers.last.local is first
        assert bob.peers.last.local is not late


async def test_conversation_statistics_come_until_closed_and_never_after() -> None:
    async with two() as (alice, bob):
        outgoing, _ = await connected(alice, bob)
        stats = await alice.seen("local_stats")
        await outgoing.close()
    assert isinstance(stats, LocalStats)
    assert stats.video is not None
    assert alice.events[-1][0] == "closed"
    assert isinstance(alice.events[-1][1], CallRecord)


async def test_conversation_statistics_are_counted_once_whatever_happens() -> None:
    async with two(replace(FAST, stats_interval=60)) as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        await incoming.accept()
        await outgoing.answered()
        bob.peers.last.connect()
        await bob.seen("connected")
        tasks = len(incoming._tasks._tasks)
        for kind in ("audio", "video"):
            bob.peers.last.emit(ev.TrackReceived(0, kind, "x"))
        await until(lambda: bob.names.count("stream_received") == 2)
        assert len(incoming._tasks._tasks) == tasks
