"""The public API: two clients on a broker in memory, with transports that connect when told
to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agent.client.call_context import ClientOptions
from agent.core.call import events as ev
from agent.core.call.machine import Timing
from agent.core.call.reasons import CallStatus, CloseReason, Side
from agent.errors import InvalidStateError
from tests.fakes.network import FakeNetwork, Message
from tests.fakes.peer import FakePeer
from tests.parties import FAST, PREFIX, called, connected, party, said, two
from tests.waiting import PATIENCE, until


async def test_client_whole_call() -> None:
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


async def test_client_many_large_messages_leave_every_call_its_turn() -> None:
    """Or a stranger's flood would hold back pictures and deadlines for as long as a queue of it
    lasts.
    """
    network, turns, seen, number = FakeNetwork(), 0, list[int](), 20
    async with party(network, "bob") as bob:
        read = bob.signaling._read

        def noticed(incoming: Any) -> Any:
            seen.append(turns)
            return read(incoming)

        bob.signaling._read = noticed  # type: ignore[method-assign]
        for _ in range(number):
            network.publish(Message(f"{PREFIX}/bob/signal/stranger", b"{" + b" " * 2000 + b"}"))
        async with asyncio.timeout(PATIENCE):
            while len(seen) < number:
                turns += 1
                await asyncio.sleep(0)
    assert len(set(seen)) == number


async def test_client_call_has_callbacks_by_name_and_typed_events() -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        responses: list[CallStatus] = []
        everything: list[Any] = []
        off = outgoing.on("response", responses.append)
        outgoing.subscribe(everything.append)
        unwanted = outgoing.on("closed", lambda _: pytest.fail("it was taken back"))
        unwanted()
        unwanted()
        await (await called(bob)).reject("not_today")
        record = await outgoing.wait_closed()
        off()
    assert responses == [CallStatus.REJECTED]
    answered = ev.InvitationAnswered(CallStatus.REJECTED, "not_today")
    assert everything == [answered, record]


async def test_client_callback_that_fails_is_logged_and_harms_nothing(
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


async def test_client_left_closes_every_conversation() -> None:
    network = FakeNetwork()
    async with party(network, "alice") as alice:
        async with party(network, "bob") as bob:
            outgoing, incoming = await connected(alice, bob)
        record = await incoming.wait_closed()
        theirs = await outgoing.wait_closed()
    assert (record.reason, theirs.reason) == (CloseReason.SHUTDOWN, CloseReason.SHUTDOWN)
    assert not bob.client.conversations


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
async def test_client_call_that_no_invitation_can_carry_is_refused_at_once(
    to: Any, options: dict[str, Any], word: str
) -> None:
    async with two() as (alice, _):
        with pytest.raises(ValueError, match=word):
            alice.client.call(to, **options)
        assert not alice.client.busy


async def test_client_makes_the_offer_while_the_invitation_waits_for_what_goes_along() -> None:
    more, user_data = asyncio.get_running_loop().create_future(), {"targets": ["bob"]}
    async with two() as (alice, bob):
        alice.client.call("bob", user_data=user_data, wait_for=more)
        await until(lambda: bool(alice.peers.made) and alice.peers.last.described)
        assert not said(alice.network, "alice", "bob")
        user_data["picture"] = ["small"]
        more.set_result(None)
        incoming = await called(bob)
    assert incoming.invitation is not None
    assert incoming.invitation.user_data == {"targets": ["bob"], "picture": ["small"]}


async def test_client_call_that_ends_while_it_waits_invites_nobody_for_long() -> None:
    more: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with two() as (alice, _):
        outgoing = alice.client.call("bob", wait_for=more)
        outgoing.hang_up()
        more.cancel()
        record = await outgoing.wait_closed()
        assert record.reason is CloseReason.CANCELLED
        assert not alice.client.busy


async def test_client_closing_begins_no_call() -> None:
    async with two() as (alice, bob):
        await connected(alice, bob)
        closing = asyncio.ensure_future(alice.client.close())
        await alice.seen("closed")
        with pytest.raises(InvalidStateError, match="not open"):
            alice.client.call("bob")
        await closing


async def test_client_network_changed_while_a_call_is_set_up() -> None:
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


async def test_client_network_changed_in_a_call() -> None:
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


def make_timing(**changes: float) -> ClientOptions:
    return replace(FAST, timing=replace(Timing(), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "wait_for", "reason"),
    [
        ({"setup": 0.05}, lambda: None, CloseReason.ICE_FAILED),
        (
            {"lost": 0.02, "hold": 0.05},
            lambda: ev.PeerLost(0),
            CloseReason.ICE_TIMEOUT,
        ),
        ({"goodbye": 0.05}, lambda: ev.PeerLost(0, closed=True), CloseReason.USER_HANGUP),
    ],
)
async def test_client_every_wait_has_a_deadline(
    changes: dict[str, float], wait_for: Callable[[], ev.Input | None], reason: CloseReason
) -> None:
    async with two(make_timing(**changes)) as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        await incoming.accept()
        event = wait_for()
        if event is not None:
            async with asyncio.timeout(PATIENCE):
                await outgoing.answered()
            peer: FakePeer = bob.peers.last
            peer.connect()
            peer.emit(event)  # type: ignore[arg-type]
        record = await incoming.wait_closed()
    assert record.reason is reason


async def test_client_transport_that_does_not_connect_in_time_is_explained() -> None:
    async with two(make_timing(setup=0.05)) as (alice, bob):
        alice.client.call("bob")
        incoming = await called(bob)
        await incoming.accept()
        await bob.seen("error")
        record = await incoming.wait_closed()
    assert record.reason is CloseReason.ICE_FAILED
