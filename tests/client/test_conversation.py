"""Whatever goes wrong in a conversation, it ends with its record, and leaves nobody busy with
nobody.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Side
from agent.errors import InvalidStateError
from agent.ports import LocalStream
from agent.signaling.protocol import messages as wire
from tests.fakes.network import FakeNetwork
from tests.parties import FAST, called, connected, party, said, two
from tests.waiting import until


def breaks(*_: Any, **__: Any) -> Any:
    raise RuntimeError("a bug")


@pytest.mark.parametrize("part", ["counters", "send_control", "send", "record"])
async def test_a_fault_in_the_last_moment_costs_neither_the_record_nor_the_line(
    part: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(replace(FAST, stats_interval=60)) as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        await incoming.accept()
        bob.peers.last.connect()
        await bob.seen("connected")
        if part == "send":
            monkeypatch.setattr(bob.client.signaling.broker, "publish", breaks)
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


async def test_whoever_asked_for_what_fails_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        monkeypatch.setattr(incoming.rules, "handle", breaks)
        with pytest.raises(InvalidStateError, match="failed"):
            async with asyncio.timeout(30):
                await incoming.accept()
        assert (await incoming.wait_closed()).reason is CloseReason.UNKNOWN_REASON
        await outgoing.wait_closed()


async def test_a_conversation_that_is_cancelled_has_its_record_too() -> None:
    async with two() as (alice, bob):
        await connected(alice, bob)
        bob.client._tasks.cancel()
        closed = await bob.seen("closed")
        theirs = await alice.seen("closed")
    assert (closed.reason, theirs.reason) == (CloseReason.SHUTDOWN, CloseReason.SHUTDOWN)
    assert bob.peers.last.closed


@pytest.mark.parametrize(
    ("to", "options", "word"),
    [
        ("no/uid", {}, "no/uid"),
        (["bob", "+"], {}, "'\\+'"),
        ([], {}, "at least one"),
        ("bob", {"lifetime": 121.0}, "lifetime"),
        ("bob", {"lifetime": 0.5}, "lifetime"),
        ("bob", {"user_data": "x" * 5000}, "user_data"),
    ],
)
async def test_what_no_invitation_can_carry_is_refused_at_once(
    to: Any, options: dict[str, Any], word: str
) -> None:
    async with two() as (alice, _):
        with pytest.raises(ValueError, match=word):
            alice.client.call(to, **options)
        assert not alice.client.busy


async def test_no_call_begins_while_the_client_closes() -> None:
    async with two() as (alice, bob):
        await connected(alice, bob)
        closing = asyncio.ensure_future(alice.client.close())
        await alice.seen("closed")
        with pytest.raises(InvalidStateError, match="not open"):
            alice.client.call("bob")
        await closing


async def test_who_is_turned_away_takes_no_line() -> None:
    """A flood of invitations that are refused must not make a device busy for its proper caller."""
    network = FakeNetwork()
    async with (
        party(network, "alice") as alice,
        party(network, "bob") as bob,
        party(network, "mallory") as mallory,
    ):
        numbers: list[int] = []
        bob.client.on("conversations", lambda: numbers.append(len(bob.client.conversations)))
        bob.client.screen = lambda invited: (
            ev.RejectRequested() if invited.caller == "mallory" else None
        )
        turned_away, proper = mallory.client.call("bob"), alice.client.call("bob")
        await (await called(bob)).accept()
        assert await proper.answered() is CallStatus.ACCEPTED
        assert (await turned_away.wait_closed()).call_status is CallStatus.REJECTED
        assert numbers == [1]
        assert [name for name in bob.names if name in ("called", "closed")].count("called") == 2
        proper.hang_up()
        await bob.client.close()
    assert numbers == [1, 0]


async def test_an_invitation_twice_in_one_breath_is_refused_once() -> None:
    async with two() as (alice, bob):
        bob.client.screen = lambda _: ev.RejectRequested()
        message = wire.Invite(
            conversation=wire.NO_CONVERSATION,
            party="p",
            sdp="v=0",
            sent_at=wire.format_time(FAST.wall()),
            lifetime=30,
        )
        for _ in range(3):
            alice.client.signaling.send("bob", message)
        await bob.seen("closed")
        alice.client.signaling.send("bob", message)
        await until(lambda: len(said(alice.network, "bob", "alice")) == 2)
    assert bob.names == ["called", "response", "closed"]


async def test_a_stream_that_comes_too_late_changes_nothing() -> None:
    async with two() as (alice, bob):
        _, incoming = await connected(alice, bob)
        first, late = bob.peers.last.local, LocalStream()
        with pytest.raises(InvalidStateError):
            await incoming.accept(late)
        incoming.renew()
        await until(lambda: len(bob.peers.made) == 2)
        assert bob.peers.last.local is first
        assert bob.peers.last.local is not late


async def test_both_renew_at_once_and_the_inviters_offer_wins() -> None:
    """The invited side's own offer, ready in the same moment, must not go out as the answer."""
    async with two() as (alice, bob):
        outgoing, incoming = await connected(alice, bob)
        bob.peers.prepare = lambda peer: peer.hold.clear()
        incoming.renew()
        await until(lambda: len(bob.peers.made) == 2)
        ours = bob.peers.last
        outgoing.renew()
        await until(lambda: len(alice.peers.made) == 2)
        offer = wire.Offer(
            conversation=outgoing.id, party="party-alice", generation=1, sdp="offer 1"
        )
        bob.client._handle_signal("alice", offer)
        # it waits behind the offer that replaces it
        ours.emit(ev.DescriptionReady(1, "our own offer"))
        ours.emit(ev.PeerFailed(1, "late", "news of what was closed"))
        await until(lambda: len(bob.peers.made) == 3)
        bob.peers.last.hold.set()
        await until(lambda: alice.peers.last.answered is not None)
        assert alice.peers.last.answered == "answer 1"
        assert [
            each["sdp"] for each in said(bob.network, "bob", "alice") if each["type"] == "answer"
        ] == ["answer 1"]
        for side in (alice, bob):
            side.peers.last.connect()
        await until(lambda: incoming.rules.reconnects == outgoing.rules.reconnects == 1)


async def test_what_an_earlier_transport_carried_stays_in_the_record() -> None:
    async with two(replace(FAST, stats_interval=60)) as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        await incoming.accept()
        await outgoing.answered()
        for side in (alice, bob):
            side.peers.last.connect()
            await side.seen("connected")
        alice.peers.last.frames = 900
        outgoing.renew()
        await until(lambda: len(alice.peers.made) == 2 and alice.peers.last.answered is not None)
        for side in (alice, bob):
            side.peers.last.connect()
        await until(lambda: outgoing.rules.reconnects == 1)
        record = await outgoing.close()
    assert record.video is not None
    assert record.video.frames_sent is not None
    assert record.video.frames_sent > 900


async def test_our_network_changes_while_the_call_is_set_up() -> None:
    async with two(replace(FAST, stats_interval=60)) as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        await incoming.accept()
        await outgoing.answered()
        bob.client.network_changed()
        await until(lambda: len(alice.peers.made) == 2 and bob.peers.last.answered is not None)
        for side in (alice, bob):
            side.peers.last.connect()
            await side.seen("connected")
        await until(lambda: bob.peers.made[0].closed and alice.peers.made[0].closed)
        assert bob.peers.last.media
        record = await incoming.close()
        await outgoing.wait_closed()
    assert (record.reason, record.reconnects) == (CloseReason.USER_HANGUP, 0)
    assert record.connected_at is not None


async def test_requests_that_wait_at_the_end_are_told() -> None:
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
async def test_a_reason_that_no_response_can_carry(reason: str) -> None:
    async with two() as (alice, bob):
        alice.client.call("bob")
        incoming = await called(bob)
        with pytest.raises(ValueError, match="reason"):
            await incoming.reject(reason)
        assert incoming.state is State.INVITED


async def test_who_rings_after_the_end_is_sent_away() -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        await (await called(bob)).reject()
        await outgoing.wait_closed()
        phone = wire.Ringing(conversation=outgoing.id, party="phone", expires_in=20)
        bob.client.signaling.send("alice", phone)
        await until(lambda: said(alice.network, "alice", "bob")[-1]["type"] == "close")


async def test_only_the_inviter_selects() -> None:
    network = FakeNetwork()
    async with (
        party(network, "alice") as alice,
        party(network, "bob") as bob,
        party(network, "mallory") as mallory,
    ):
        outgoing = alice.client.call(["bob", "mallory"])
        incoming = await called(bob)
        await incoming.ring()
        select = wire.Select(
            conversation=outgoing.id, party="party-alice", selected_party="somebody-else"
        )
        mallory.client.signaling.send("bob", select)
        await (await called(mallory)).reject()
        await incoming.accept()
        assert await outgoing.answered() is CallStatus.ACCEPTED


async def test_the_stream_of_an_acceptance_is_the_one_that_is_sent() -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        stream = LocalStream()
        await (await called(bob)).accept(stream)
        assert bob.peers.last.local is stream
        await outgoing.answered()


@pytest.mark.parametrize("reason", ["x", "x" * 64])
async def test_a_reason_that_just_fits(reason: str) -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        await (await called(bob)).reject(reason)
        await outgoing.wait_closed()
        assert (await alice.seen("response")).reason == reason


async def test_statistics_are_counted_once_whatever_happens_in_the_call() -> None:
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


async def test_a_silent_path_is_renewed_from_either_side() -> None:
    async with two(replace(FAST, stats_interval=60)) as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        await incoming.accept()
        bob.peers.last.connect()
        await outgoing.answered()
        alice.peers.last.connect()
        await alice.seen("connected")
        incoming.mute(video=True)
        bob.peers.last.emit(ev.PeerSilent(0, 3.0))
        degraded = await bob.seen("degraded")
        await until(lambda: len(alice.peers.made) == 2 and bob.peers.last.answered is not None)
        assert not bob.peers.made[0].closed, "the old transport is kept"
        assert bob.peers.last.muted["video"]
        alice.peers.last.connect()
        bob.peers.last.connect()
        restored = await bob.seen("restored")
        await until(lambda: bob.peers.made[0].closed and alice.peers.made[0].closed)
        assert bob.peers.last.media
        record = await incoming.close()
    assert (degraded.cause, restored.generation) == ("silence", 1)
    assert record.reconnects == 1
    assert "degraded" not in alice.names, "there it was not silent"


async def test_our_network_changed() -> None:
    async with two(replace(FAST, stats_interval=60)) as (alice, bob):
        outgoing = alice.client.call("bob")
        await (await called(bob)).accept()
        await outgoing.answered()
        alice.peers.last.connect()
        bob.peers.last.connect()
        await bob.seen("connected")
        bob.client.network_changed()
        await until(lambda: alice.peers.last.offered == "offer 1")
        outgoing.hang_up()
        await bob.seen("closed")
