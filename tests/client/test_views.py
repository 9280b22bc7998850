"""Whoever only looks, and the way from there to a talk (PROTOCOL 3), as two clients see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from agent.client.call_context import ClientOptions
from agent.client.conversation import Conversation
from agent.core.call import events as ev
from agent.core.call.decision import Action, Decision, Line
from agent.core.call.machine import State
from agent.core.call.reasons import AudioDirection, CallStatus, CloseReason, Purpose
from agent.core.call.values import Invitation, MediaGrant
from agent.errors import CallError, InvalidStateError
from agent.ports import LocalStream
from tests.fakes.network import FakeNetwork
from tests.fakes.peer import FakePeer
from tests.fakes.screening import FakeScreening
from tests.parties import FAST, Party, party
from tests.waiting import until

VIEW = Purpose.VIEW


def with_sound(peer: FakePeer) -> None:
    """Its descriptions say what its grant allows."""
    both, one = peer.grant.sends and peer.grant.receives, peer.grant.sends
    direction = "sendrecv" if both else "sendonly" if one else "recvonly"
    peer.sections = f"\nm=audio 9 RTP\na={direction}"


@asynccontextmanager
async def door(
    decide: Decision | None = None, options: ClientOptions = FAST
) -> AsyncIterator[tuple[FakeNetwork, Party, FakeScreening]]:
    network = FakeNetwork()
    screening = FakeScreening(lambda _: decide or Decision(Action.ACCEPT, "family"))
    async with party(network, "door", options, screening=screening) as made:
        made.peers.prepare = with_sound
        yield network, made, screening


async def looking(viewer: Party, at: Party) -> tuple[Conversation, Conversation]:
    """A view that is connected, as both sides have it."""
    viewer.peers.prepare = with_sound
    view = viewer.client.call(at.client.uid, purpose=VIEW)
    assert await view.answered() is CallStatus.ACCEPTED
    viewed = next(
        each for each in at.client.conversations.values() if each.remote_uid == viewer.client.uid
    )
    for side in (viewer, at):
        side.peers.last.connect()
    await until(lambda: view.state is viewed.state is State.ESTABLISHED)
    return view, viewed


async def test_view_takes_no_line_on_either_side() -> None:
    async with door() as (network, at, screening), party(network, "alice") as alice:
        view, viewed = await looking(alice, at)
        assert (view.purpose, viewed.purpose) == (VIEW, VIEW)
        assert (alice.client.busy, at.client.busy) == (False, False)
        assert alice.peers.last.grant == MediaGrant(sends=False)
        assert at.peers.last.grant == MediaGrant(receives=False)
        [(invitation, line)] = screening.asked
        assert (invitation.purpose, line) == (VIEW, Line.FREE)


async def test_view_over_the_limit_is_busy_and_a_call_is_not() -> None:
    async with (
        door(options=replace(FAST, max_viewers=1)) as (network, at, _),
        party(network, "alice") as alice,
        party(network, "bob") as bob,
    ):
        await looking(alice, at)
        refused = await bob.client.call("door", purpose=VIEW).wait_closed()
        assert (refused.call_status, refused.purpose) == (CallStatus.BUSY, VIEW)
        assert await bob.client.call("door").answered() is CallStatus.ACCEPTED


async def test_view_that_is_lost_is_replaced_by_another_view() -> None:
    timing = replace(FAST.timing, lost=3.0)
    async with (
        door(options=replace(FAST, max_viewers=1, timing=timing)) as (network, at, _),
        party(network, "alice") as alice,
        party(network, "bob") as bob,
    ):
        _, viewed = await looking(alice, at)
        at.peers.made[0].emit(ev.PeerSilent(0, 3.0))
        await until(lambda: viewed.state is State.LOST)
        assert await bob.client.call("door").answered() is CallStatus.ACCEPTED
        assert viewed.state is State.LOST
        await bob.client.close()
        async with party(network, "carol") as carol:
            await looking(carol, at)
        assert (await viewed.wait_closed()).reason is CloseReason.REPLACED


async def test_view_whom_the_policy_rejects_sees_nothing() -> None:
    decision = Decision(Action.REJECT, "strangers", "privacy_mode")
    async with door(decision) as (network, at, _), party(network, "mallory") as mallory:
        record = await mallory.client.call("door", purpose=VIEW).wait_closed()
        assert record.call_status is CallStatus.REJECTED
        assert at.peers.made == []


async def test_view_becomes_a_talk_and_takes_the_line() -> None:
    local = LocalStream()
    async with door() as (network, at, screening), party(network, "alice") as alice:
        view, viewed = await looking(alice, at)
        busy: list[bool] = []
        at.client.on("conversations", lambda: busy.append(at.client.busy))
        alice.events.clear()
        talking = asyncio.create_task(view.talk(local))
        await until(lambda: len(alice.peers.made) == 2 and alice.peers.last.answered is not None)
        assert busy[-1]
        assert alice.client.busy
        assert (alice.peers.last.grant, at.peers.last.grant) == (MediaGrant(), MediaGrant())
        assert alice.peers.last.local is local
        assert not at.peers.last.media
        for side in (alice, at):
            side.peers.last.connect()
        await talking
        await until(lambda: viewed.purpose is Purpose.TALK)
        assert view.purpose is Purpose.TALK
        assert [asked.purpose for asked, _ in screening.asked] == [VIEW, Purpose.TALK]
        await alice.seen("talk")
        record = await view.close()
        assert (record.purpose, record.talk_at is not None) == (None, True)


@pytest.mark.parametrize(
    ("decision", "code"),
    [
        (Decision(Action.REJECT, reason="not_now"), "not_now"),
        (Decision(Action.RING), "must_ring"),
        (Decision(Action.BUSY), "busy"),
        (Decision(Action.ACCEPT, grant=MediaGrant(audio=AudioDirection.SEND)), "not_allowed"),
    ],
)
async def test_view_that_may_not_talk_goes_on(decision: Decision, code: str) -> None:
    def decide(invitation: Invitation) -> Decision:
        return Decision(Action.ACCEPT) if invitation.purpose is VIEW else decision

    network, screening = FakeNetwork(), FakeScreening(decide)
    async with (
        party(network, "door", screening=screening) as at,
        party(network, "alice") as alice,
    ):
        view, viewed = await looking(alice, at)
        with pytest.raises(CallError) as caught:
            await view.talk(LocalStream())
        assert caught.value.code == code
        assert view.purpose is viewed.purpose is VIEW
        assert view.state is viewed.state is State.ESTABLISHED
        assert not at.client.busy
        assert len(at.peers.made) == 1
        assert (await at.seen("error")).code == code


async def test_view_cannot_talk_while_no_line_is_free() -> None:
    async with (
        door() as (network, at, _),
        party(network, "alice") as alice,
        party(network, "bob") as bob,
    ):
        view, _ = await looking(alice, at)
        assert await bob.client.call("door").answered() is CallStatus.ACCEPTED
        with pytest.raises(CallError) as caught:
            await view.talk()
        assert caught.value.code == "busy"
        await bob.client.close()


async def test_view_that_asks_over_and_over_is_limited_like_invitations() -> None:
    """And the same offer twice is judged once."""
    async with door() as (network, at, screening), party(network, "alice") as alice:
        _, viewed = await looking(alice, at)
        screening._decide = lambda _: Decision(Action.REJECT)
        for generation in range(1, 60):
            offer = ev.OfferReceived(
                "alice", alice.signaling.party, generation, "offer", sends_sound=True
            )
            viewed.post(offer)
            viewed.post(offer)
        await until(lambda: viewed.rules.renewals.newest_of_theirs >= 30)
        # ten invitations a minute, and one was the view's own
        assert len(screening.asked) == 10
        assert viewed.rules.viewing.refusal == ("rate_limited", "talking is not allowed")


async def test_talk_of_what_is_no_view_is_refused() -> None:
    async with door() as (network, at, _), party(network, "alice") as alice:
        view, viewed = await looking(alice, at)
        with pytest.raises(InvalidStateError, match="TalkRequested"):
            await viewed.talk()
        alice.client.call("door")
        with pytest.raises(InvalidStateError, match="no line"):
            await view.talk()


async def test_view_of_ones_own_call_is_not_let_to_talk_without_a_policy() -> None:
    network = FakeNetwork()
    async with party(network, "door") as at, party(network, "alice") as alice:
        alice.peers.prepare = with_sound
        view = alice.client.call("door", purpose=VIEW)
        await (await at.called.get()).accept()
        for side in (alice, at):
            side.peers.last.connect()
        await until(lambda: view.state is State.ESTABLISHED)
        with pytest.raises(CallError) as caught:
            await view.talk()
        assert caught.value.code == "not_allowed"


def judging_talks(action: Action) -> FakeScreening:
    """Whoever only looks is let in."""
    return FakeScreening(
        lambda asked: Decision(Action.ACCEPT if asked.purpose is VIEW else action, "family")
    )


async def test_view_that_talks_takes_the_call_that_rings_out() -> None:
    network, screening = FakeNetwork(), judging_talks(Action.ACCEPT)
    async with party(network, "door", screening=screening) as at, party(network, "alice") as alice:
        at.peers.prepare = with_sound
        view, viewed = await looking(alice, at)
        own = at.client.call("nobody")
        await until(lambda: own.state is State.INVITING)
        talking = asyncio.create_task(view.talk(LocalStream()))
        record = await own.wait_closed()
        assert (record.reason, record.answered_by) == (CloseReason.ANSWERED_ELSEWHERE, view.id)
        assert at.client.busy
        await until(lambda: alice.peers.last.answered is not None)
        for side in (alice, at):
            side.peers.last.connect()
        await talking
        await until(lambda: viewed.purpose is Purpose.TALK)
        assert at.client.conversations == {viewed.id: viewed}


@pytest.mark.parametrize(
    ("target", "taken"),
    # whom the call invites is not asked about, and nobody else whom a rule would ring for gets in
    [("alice", True), ("nobody", False)],
)
async def test_view_that_a_rule_would_ring_for_takes_the_call_to_its_viewer_alone(
    target: str, taken: bool
) -> None:
    network, screening = FakeNetwork(), judging_talks(Action.RING)
    async with party(network, "door", screening=screening) as at, party(network, "alice") as alice:
        at.peers.prepare = with_sound
        _, viewed = await looking(alice, at)
        own = at.client.call(target)
        await until(lambda: own.state is State.INVITING)
        party_of_alice = alice.signaling.party
        viewed.post(ev.OfferReceived("alice", party_of_alice, 1, "offer", sends_sound=True))
        await until(lambda: viewed.rules.renewals.newest_of_theirs == 1)
        if taken:
            record = await own.wait_closed()
            assert (record.reason, record.answered_by) == (
                CloseReason.ANSWERED_ELSEWHERE,
                viewed.id,
            )
        else:
            assert viewed.rules.viewing.refusal == ("busy", "no line is free")
            assert own.state is State.INVITING
        assert at.client.busy


@pytest.mark.parametrize(
    ("action", "taken"), [(Action.ACCEPT, True), (Action.RING, False), (Action.REJECT, False)]
)
async def test_view_whom_a_person_here_has_talk_takes_the_call_that_rings_out(
    action: Action, taken: bool
) -> None:
    network, screening = FakeNetwork(), judging_talks(action)
    async with party(network, "door", screening=screening) as at, party(network, "alice") as alice:
        at.peers.prepare = with_sound
        _, viewed = await looking(alice, at)
        own = at.client.call("nobody")
        await until(lambda: own.state is State.INVITING)
        if not taken:
            with pytest.raises(InvalidStateError, match="alice may not talk"):
                at.client.take_view(viewed)
            assert (own.state, viewed.purpose) == (State.INVITING, VIEW)
            return
        at.client.take_view(viewed)
        record = await own.wait_closed()
        assert (record.reason, record.answered_by) == (CloseReason.ANSWERED_ELSEWHERE, viewed.id)
        assert viewed.purpose is Purpose.TALK
        assert at.client.busy
        assert len(at.peers.made) == 2


@pytest.mark.parametrize("lets_talk", [True, False])
async def test_view_that_talks_to_whom_rings_here_takes_its_call_and_is_not_busy(
    lets_talk: bool,
) -> None:
    network, screening = FakeNetwork(), judging_talks(Action.RING)
    async with party(network, "door", screening=screening) as at, party(network, "alice") as alice:
        at.peers.prepare = with_sound
        view, viewed = await looking(alice, at)
        own = at.client.call("alice")
        ringing = await alice.called.get()
        await ringing.ring()
        await until(lambda: own.state is State.INVITING and ringing.state is State.RINGING)
        if not lets_talk:
            screening._decide = lambda _: Decision(Action.REJECT, reason="not_now")
        talking = asyncio.create_task(view.talk(LocalStream()))
        if not lets_talk:
            with pytest.raises(CallError):
                await talking
            assert (own.state, ringing.state) == (State.INVITING, State.RINGING)
            return
        assert (await ringing.wait_closed()).reason is CloseReason.ANSWERED_ELSEWHERE
        record = await own.wait_closed()
        assert (record.reason, record.answered_by) == (CloseReason.ANSWERED_ELSEWHERE, viewed.id)
        await until(lambda: alice.peers.last.answered is not None)
        for side in (alice, at):
            side.peers.last.connect()
        await talking
        await until(lambda: viewed.purpose is Purpose.TALK)
