"""The public API, two clients on a broker in memory, with transports that connect when they are
told to.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agent.client.call_client import ClientOptions
from agent.client.inbox import LIMIT
from agent.core.call import events as ev
from agent.core.call.events import IceCandidate, MediaGrant
from agent.core.call.machine import State, Timing
from agent.core.call.reasons import CallStatus, CloseReason, Side
from agent.core.statistics.reports import CallRecord, LocalStats
from agent.errors import InvalidStateError, MediaUnavailable, NoCommonCodec
from agent.signaling.protocol import messages as wire
from tests.fakes.network import FakeNetwork, Message
from tests.fakes.peer import FakePeer
from tests.parties import FAST, NOW, PREFIX, called, connected, party, said, two
from tests.waiting import until


async def test_a_whole_call() -> None:
    async with two() as (alice, bob):
        outgoing, incoming = await connected(alice, bob)
        assert (incoming.remote_uid, outgoing.remote_uid) == ("alice", "bob")
        assert bob.peers.last.offered == "offer 0"
        assert alice.peers.last.answered == "answer 0"
        assert alice.peers.last.media
        assert bob.peers.last.media
        record = await outgoing.close()
        theirs = await incoming.wait_closed()
    assert (record.reason, record.closed_by) == (CloseReason.USER_HANGUP, Side.LOCAL)
    assert (theirs.reason, theirs.closed_by) == (CloseReason.USER_HANGUP, Side.REMOTE)
    assert alice.names == ["response", "connected", "closed"]
    assert bob.names == ["called", "response", "connected", "closed"]
    assert alice.peers.last.closed
    assert bob.peers.last.closed


async def test_statistics_come_at_every_interval_until_closed_and_never_after() -> None:
    async with two() as (alice, bob):
        outgoing, _ = await connected(alice, bob)
        stats = await alice.seen("local_stats")
        await outgoing.close()
    assert isinstance(stats, LocalStats)
    assert stats.video is not None
    assert alice.events[-1][0] == "closed"
    assert isinstance(alice.events[-1][1], CallRecord)


async def test_many_large_messages_at_once_leave_every_call_its_turn() -> None:
    """Or a stranger's flood would hold back pictures and deadlines for as long as a queue of it
    lasts.
    """
    network, turns, seen, number = FakeNetwork(), 0, list[int](), 20
    async with party(network, "bob") as bob:
        handle = bob.client._handle_delivery

        def noticed(signal: Any) -> Any:
            seen.append(turns)
            return handle(signal)

        bob.client._handle_delivery = noticed  # type: ignore[method-assign]
        for _ in range(number):
            network.publish(Message(f"{PREFIX}/bob/signal/stranger", b"{" + b" " * 2000 + b"}"))
        async with asyncio.timeout(30):
            while len(seen) < number:
                turns += 1
                await asyncio.sleep(0)
    assert len(set(seen)) == number


async def test_typed_subscription_and_callbacks_by_name() -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        responses: list[ev.InvitationAnswered] = []
        everything: list[Any] = []
        off = outgoing.on("response", responses.append)
        outgoing.subscribe(everything.append)
        unwanted = outgoing.on("closed", lambda _: pytest.fail("it was taken back"))
        unwanted()
        unwanted()
        await (await called(bob)).reject("not_today")
        record = await outgoing.wait_closed()
        off()
    assert [(each.call_status, each.reason) for each in responses] == [
        (CallStatus.REJECTED, "not_today")
    ]
    assert everything == [*responses, record]


async def test_a_callback_that_fails_is_logged_and_harms_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")

        def fails(_event: Any) -> None:
            raise RuntimeError("the application is broken")

        async def fails_later(_event: Any) -> None:
            raise RuntimeError("the application is broken, too")

        outgoing.on("response", fails)
        outgoing.on("response", fails_later)
        await (await called(bob)).reject()
        record = await outgoing.wait_closed()
    assert record.reason is CloseReason.REJECTED
    assert "the application is broken" in caplog.text
    assert "broken, too" in caplog.text


async def test_ring_then_accept() -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob", lifetime=10)
        incoming = await called(bob)
        await incoming.ring()
        ringing = await alice.seen("ringing")
        assert 9 < ringing.expires_in <= 10
        await incoming.accept()
        async with asyncio.timeout(30):
            assert await outgoing.answered() is CallStatus.ACCEPTED


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (MediaUnavailable("no camera"), CloseReason.NO_USER_MEDIA, "no_user_media"),
        (NoCommonCodec("only VP8"), CloseReason.REJECTED, "no_common_codec"),
        (RuntimeError("a bug"), CloseReason.UNKNOWN_REASON, "internal"),
    ],
)
async def test_a_transport_that_cannot_answer(
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


async def test_busy_beyond_the_conversations_allowed() -> None:
    network = FakeNetwork()
    async with (
        party(network, "alice") as alice,
        party(network, "bob") as bob,
        party(network, "carol") as carol,
    ):
        await connected(alice, bob)
        refused = carol.client.call("bob")
        record = await refused.wait_closed()
        assert record.call_status is CallStatus.BUSY
        with pytest.raises(InvalidStateError, match="most that it may have"):
            alice.client.call("carol")
        assert bob.called.empty()


async def test_cancelled_while_the_answer_is_being_made() -> None:
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


async def test_a_lost_transport_is_renewed_by_the_far_side() -> None:
    async with two() as (alice, bob):
        outgoing, incoming = await connected(alice, bob)
        outgoing.renew()
        await until(lambda: len(bob.peers.made) == 2 and alice.peers.last.answered is not None)
        assert bob.peers.last.offered == "offer 1"
        for side in (alice, bob):
            side.peers.last.connect()
        await until(lambda: alice.peers.made[0].closed and bob.peers.made[0].closed)
        assert alice.peers.last.media
        assert bob.peers.last.media
        record = await incoming.close()
    assert record.reconnects == 1
    assert record.video is not None
    assert record.video.frames_sent is not None


async def test_candidates_find_their_transport() -> None:
    async with two() as (alice, bob):
        await connected(alice, bob)
        candidate = IceCandidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", 0)
        alice.peers.last.emit(ev.CandidateFound(0, candidate))
        alice.peers.last.emit(ev.CandidateFound(0, None))
        await until(lambda: len(bob.peers.last.candidates) == 2)
        assert bob.peers.last.candidates == [candidate, None]


async def test_close_travels_on_the_data_channel_too() -> None:
    async with two() as (alice, bob):
        outgoing, incoming = await connected(alice, bob)
        # the broker is away for alice
        alice.broker.drop()
        record = await outgoing.close()
        assert json.loads(alice.peers.last.controls[-1])["type"] == "close"
        bob.peers.last.control(alice.peers.last.controls[-1])
        theirs = await incoming.wait_closed()
    assert (record.reason, theirs.reason) == (CloseReason.USER_HANGUP, CloseReason.USER_HANGUP)


@pytest.mark.parametrize("text", ["", "{}", "[" * 200, json.dumps({"type": "close"})])
async def test_nonsense_on_the_data_channel_is_ignored(text: str) -> None:
    async with two() as (alice, bob):
        _, incoming = await connected(alice, bob)
        bob.peers.last.control(text)
        other = wire.Close(
            conversation=wire.NO_CONVERSATION, party="party-alice", reason="user_hangup"
        )
        bob.peers.last.control(wire.encode(other).decode())
        assert incoming.state is State.ESTABLISHED


async def test_mute_is_kept_over_a_renewal() -> None:
    async with two() as (alice, bob):
        outgoing, _ = await connected(alice, bob)
        outgoing.mute(audio=True)
        assert alice.peers.last.muted == {"audio": True, "video": None}
        outgoing.renew()
        await until(lambda: len(alice.peers.made) == 2)
        assert alice.peers.last.muted == {"audio": True, "video": None}


async def test_leaving_the_client_closes_every_conversation() -> None:
    network = FakeNetwork()
    async with party(network, "alice") as alice:
        async with party(network, "bob") as bob:
            outgoing, incoming = await connected(alice, bob)
        record = await incoming.wait_closed()
        theirs = await outgoing.wait_closed()
    assert (record.reason, theirs.reason) == (CloseReason.SHUTDOWN, CloseReason.SHUTDOWN)
    assert not bob.client.conversations


async def test_requests_that_come_too_late_are_refused() -> None:
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


async def test_invitation_of_the_past_gets_our_time() -> None:
    network = FakeNetwork()
    ahead = replace(FAST, wall=lambda: NOW + 3600)
    async with party(network, "alice") as alice, party(network, "bob", ahead) as bob:
        stale = wire.Invite(
            conversation=wire.NO_CONVERSATION,
            party="p",
            sdp="v=0",
            sent_at=wire.format_time(NOW),
            lifetime=30,
        )
        alice.client.signaling.send("bob", stale)
        closed = await bob.seen("closed")
        answers = said(network, "bob", "alice")
    assert (closed.call_status, closed.reason) == (CallStatus.TIMEOUT, CloseReason.INVITE_TIMEOUT)
    assert [(each["callStatus"], each["reason"]) for each in answers] == [("TIMEOUT", "expired")]
    assert answers[0]["now"] == wire.format_time(NOW + 3600)
    assert bob.called.empty()


async def test_age_is_not_judged_before_the_clock_is_set() -> None:
    network = FakeNetwork()
    unset = replace(FAST, wall=lambda: 60.0)
    async with party(network, "alice") as alice, party(network, "bob", unset) as bob:
        alice.client.call("bob")
        assert (await called(bob)).remote_uid == "alice"


async def test_accepted_after_the_end_is_sent_away() -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        await outgoing.close()
        await incoming.wait_closed()
        late = wire.Response(
            conversation=outgoing.id, party="party-x", call_status=CallStatus.ACCEPTED, sdp="v=0"
        )
        mark = len(alice.network.published)
        bob.client.signaling.send("alice", late)
        await until(
            lambda: any(
                b'"close"' in each.payload and b'"cancelled"' in each.payload
                for each in alice.network.published[mark:]
                if each.topic.endswith("bob/signal/alice")
            )
        )


async def test_a_flood_of_one_conversation_is_dropped_and_the_call_goes_on() -> None:
    async with two() as (alice, bob):
        _, incoming = await connected(alice, bob)
        for _ in range(LIMIT * 2):
            incoming.post_remote(ev.CandidateReceived("mallory", "x", None), incoming.id)
        record = await incoming.close()
    assert record.reason is CloseReason.USER_HANGUP


async def test_media_grant_reaches_the_transport() -> None:
    async with two() as (alice, bob):
        alice.client.call("bob")
        await (await called(bob)).accept(grant=MediaGrant(video=False, max_duration=5))
        assert bob.peers.last.grant.video is False


async def test_failure_of_the_rules_themselves_still_ends_the_call(
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


def make_timing(**changes: float) -> ClientOptions:
    return replace(FAST, timing=replace(Timing(), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "wait_for", "reason"),
    [
        ({"setup": 0.05}, lambda: None, CloseReason.ICE_FAILED),
        (
            {"ice_timeout": 0.05, "vanished": 0.05, "answer": 0.05},
            lambda: ev.PeerLost(0),
            CloseReason.ICE_TIMEOUT,
        ),
        ({"goodbye": 0.05}, lambda: ev.PeerLost(0, closed=True), CloseReason.USER_HANGUP),
    ],
)
async def test_every_wait_has_a_deadline(
    changes: dict[str, float], wait_for: Callable[[], ev.Input | None], reason: CloseReason
) -> None:
    async with two(make_timing(**changes)) as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        await incoming.accept()
        event = wait_for()
        if event is not None:
            async with asyncio.timeout(30):
                await outgoing.answered()
            peer: FakePeer = bob.peers.last
            peer.connect()
            peer.emit(event)  # type: ignore[arg-type]
        record = await incoming.wait_closed()
    assert record.reason is reason
