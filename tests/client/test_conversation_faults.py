"""Whatever goes wrong in a conversation, it ends with its record, and leaves nobody busy with
nobody.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from agent.client.input_queue import LIMIT
from agent.core.call import events as ev
from agent.core.call.machine import Timing
from agent.core.call.reasons import CallStatus, CloseReason, Side
from agent.counts import RefusalKind, refusals
from agent.errors import InvalidStateError, MediaUnavailable, NoCommonCodec
from tests.parties import FAST, called, connected, two
from tests.waiting import PATIENCE, until


def breaks(*_: Any, **__: Any) -> Any:
    raise RuntimeError("a bug")


@pytest.mark.parametrize("part", ["counters", "send_control", "send", "record"])
async def test_conversation_fault_in_the_last_moment_costs_neither_record_nor_line(
    part: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(replace(FAST, stats_interval=60)) as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        await incoming.accept()
        bob.peers.last.connect()
        await bob.seen("connected")
        if part == "send":
            monkeypatch.setattr(bob.broker, "publish", breaks)
        elif part == "record":
            monkeypatch.setattr(incoming._log, "totals", breaks)
        else:
            monkeypatch.setattr(bob.peers.last, part, breaks)
        record = await incoming.close()
        await until(lambda: bob.peers.last.closed)
        assert (record.reason, record.closed_by) == (CloseReason.USER_HANGUP, Side.LOCAL)
        assert not bob.client.busy
        assert not bob.client.conversations
        await bob.seen("closed")
        assert bob.names.count("closed") == 1
        outgoing.hang_up()
    assert "a bug" in caplog.text


async def test_conversation_request_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        monkeypatch.setattr(incoming.rules, "handle", breaks)
        with pytest.raises(InvalidStateError, match="failed"):
            async with asyncio.timeout(PATIENCE):
                await incoming.accept()
        assert (await incoming.wait_closed()).reason is CloseReason.UNKNOWN_REASON
        await outgoing.wait_closed()


async def test_conversation_cancelled_task_has_its_record_too() -> None:
    async with two() as (alice, bob):
        await connected(alice, bob)
        bob.client._tasks.cancel()
        closed = await bob.seen("closed")
        theirs = await alice.seen("closed")
    assert (closed.reason, theirs.reason) == (CloseReason.SHUTDOWN, CloseReason.SHUTDOWN)
    assert bob.peers.last.closed


async def test_conversation_flood_is_dropped_and_the_call_goes_on() -> None:
    async with two() as (alice, bob):
        _, incoming = await connected(alice, bob)
        for _ in range(LIMIT * 2):
            incoming.post_remote(ev.CandidateReceived("mallory", "x", None), incoming.id)
        record = await incoming.close()
    assert record.reason is CloseReason.USER_HANGUP


async def test_conversation_errors_of_the_remote_peer_are_told_a_few_times_then_counted() -> None:
    """Each that is told goes through the outbox: a flood would push out what others have to say."""
    before = refusals.totals()[RefusalKind.MESSAGE]
    async with two() as (alice, bob):
        _, incoming = await connected(alice, bob)
        for _ in range(20):
            incoming.post_remote(ev.ErrorReceived("alice", "party-alice", "c", "m"), incoming.id)
        await incoming.close()
        await bob.seen("closed")
    assert bob.names.count("error") == Timing().max_errors
    assert refusals.totals()[RefusalKind.MESSAGE] - before == 20 - Timing().max_errors


async def test_conversation_failure_of_its_rules_still_ends_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with two() as (alice, bob):
        outgoing, incoming = await connected(alice, bob)

        def broken(*_: Any) -> None:
            raise AssertionError("a bug")

        incoming.rules.handle = broken  # type: ignore[method-assign, assignment]
        incoming.post(ev.DeadlineReached())
        record = await incoming.wait_closed()
        theirs = await outgoing.wait_closed()
    assert record.reason is CloseReason.UNKNOWN_REASON
    assert theirs.closed_by is Side.REMOTE
    assert bob.peers.last.closed
    assert "a bug" in caplog.text


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (MediaUnavailable("no camera"), CloseReason.NO_USER_MEDIA, "no_user_media"),
        (NoCommonCodec("only VP8"), CloseReason.REJECTED, "no_common_codec"),
        (RuntimeError("a bug"), CloseReason.UNKNOWN_REASON, "internal"),
    ],
)
async def test_conversation_transport_that_cannot_answer_ends_it(
    error: Exception, reason: CloseReason, code: str
) -> None:
    async with two() as (alice, bob):
        bob.peers.prepare = lambda peer: setattr(peer, "failure", error)
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        with pytest.raises(InvalidStateError, match="ended before"):
            await incoming.accept()
        record = await incoming.wait_closed()
        theirs = await outgoing.wait_closed()
    assert (record.reason, record.call_status) == (reason, CallStatus.REJECTED)
    assert theirs.call_status is CallStatus.REJECTED
    assert ("error", code) in [(name, getattr(event, "code", None)) for name, event in bob.events]
