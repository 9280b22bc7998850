"""An offer by HTTP as an invitation, and what becomes of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agent.core.call import events as ev
from agent.core.call.decision import Action, Decision
from agent.core.call.machine import State, Timing
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from agent.errors import NoCommonCodec, UnusableDescription
from agent.pull import pull_channel
from agent.pull.pull_channel import MAX_SIGNALS, PullChannel
from agent.pull.pull_session import PullRefused, SessionEnded
from tests.fakes.manual_clock import ManualClock
from tests.fakes.peer import FakePeer
from tests.parties import FAST
from tests.pull.scene import OFFER, gathered, pulled
from tests.waiting import until


async def test_offer_is_an_invitation_that_only_looks() -> None:
    async with pulled() as scene:
        session = await scene.channel.invite("frigate", "whep", OFFER)
        (invitation, _line) = scene.screening.asked[0]
        assert (invitation.caller, invitation.purpose) == ("frigate", Purpose.VIEW)
        assert (invitation.via, invitation.sdp) == ("whep", OFFER)
        assert session.answer.result().startswith("answer 0")
        view = scene.client.conversations[session.conversation]
        await scene.connected(view)
        assert not scene.client.busy
        assert not scene.main.said


@pytest.mark.parametrize(
    ("decision", "status", "code"),
    [
        (Decision(Action.REJECT, "r", "not_allowed"), CallStatus.REJECTED, "not_allowed"),
        (Decision(Action.REJECT, "r", "privacy_mode"), CallStatus.REJECTED, "privacy_mode"),
        (Decision(Action.BUSY, "r", "busy"), CallStatus.BUSY, "busy"),
        (Decision(Action.RING, "r"), CallStatus.REJECTED, "must_ring"),
    ],
)
async def test_refusal_says_why(decision: Decision, status: CallStatus, code: str) -> None:
    async with pulled(lambda _: decision) as scene:
        with pytest.raises(PullRefused) as caught:
            await scene.channel.invite("frigate", "whep", OFFER)
        assert (caught.value.status, caught.value.code) == (status, code)
        await until(lambda: not scene.client.conversations)
        assert not scene.peers.made


@pytest.mark.parametrize(
    ("error", "code"),
    [(NoCommonCodec("no"), "no_common_codec"), (UnusableDescription("no"), "unusable_sdp")],
)
async def test_offer_that_cannot_be_answered_is_told(error: Exception, code: str) -> None:
    def fail(peer: FakePeer) -> None:
        peer.failure = error

    async with pulled() as scene:
        scene.peers.prepare = fail
        with pytest.raises(PullRefused, match=code):
            await scene.channel.invite("frigate", "whep", OFFER)


async def test_number_of_those_who_pull_is_bounded() -> None:
    async with pulled(most=1) as scene:
        session = await scene.channel.invite("frigate", "whep", OFFER)
        with pytest.raises(PullRefused) as caught:
            await scene.channel.invite("wall", "whep", OFFER)
        assert (caught.value.status, caught.value.code) == (CallStatus.BUSY, "max")
        scene.channel.close(session)
        await scene.channel.invite("wall", "whep", OFFER)


async def test_whoever_is_lost_has_left_its_place() -> None:
    clock = ManualClock()
    options = replace(FAST, monotonic=clock, timing=Timing(lost=0.0, hold=3600.0))
    async with pulled(most=1, options=options) as scene:
        session = await scene.channel.invite("frigate", "whep", OFFER)
        view = scene.client.conversations[session.conversation]
        await scene.connected(view)
        scene.peers.last.emit(ev.PeerSilent(0, 3.0))
        await until(lambda: view.state is State.LOST)
        await scene.channel.invite("frigate", "whep", OFFER)
        # it is never offered a fresh transport, which it could not take
        assert len(scene.peers.made) == 2


async def test_end_of_the_call_is_the_end_of_the_session() -> None:
    async with pulled() as scene:
        session = await scene.channel.invite("frigate", "go2rtc", OFFER)
        scene.client.end_all(CloseReason.PRIVACY_MODE)
        assert await session.next() == SessionEnded("privacy_mode")
        assert scene.channel.find(session.conversation) is None


async def test_consumer_that_leaves_ends_the_call() -> None:
    async with pulled() as scene:
        session = await scene.channel.invite("frigate", "whep", OFFER)
        view = scene.client.conversations[session.conversation]
        scene.channel.close(session)
        scene.channel.close(session)
        record = await view.wait_closed()
        assert (record.reason, record.closed_by) == (CloseReason.USER_HANGUP, "remote")


async def test_offer_is_taken_back_by_whoever_does_not_wait() -> None:
    def hold(peer: FakePeer) -> None:
        gathered(peer)
        peer.hold.clear()

    async with pulled() as scene:
        scene.peers.prepare = hold
        asking = asyncio.ensure_future(scene.channel.invite("frigate", "whep", OFFER))
        await until(lambda: bool(scene.peers.made))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: not scene.client.conversations)
        await until(lambda: scene.peers.last.closed)


async def test_flood_that_is_not_even_answered_has_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pull_channel, "ANSWER_TIMEOUT", 0.0)
    channel = PullChannel(4, lambda _: None)
    with pytest.raises(PullRefused, match="no_answer"):
        await channel.invite("frigate", "whep", OFFER)


async def test_signals_that_nobody_reads_are_bounded() -> None:
    channel = PullChannel(MAX_SIGNALS, lambda _: State.INVITED)
    asking = [
        asyncio.ensure_future(channel.invite("frigate", "whep", OFFER)) for _ in range(MAX_SIGNALS)
    ]
    await asyncio.sleep(0)
    session = next(iter(channel._sessions.values()))
    with pytest.raises(PullRefused, match="busy"):
        channel.add_candidate(session, None)
    for each in asking:
        each.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    assert not channel.carries(session.conversation)
