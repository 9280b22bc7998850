"""Calls that cross, through the shell: two clients on a broker in memory (PROTOCOL 3)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from agent.client.conversation import Conversation
from agent.core.call.decision import Action, Decision
from agent.core.call.machine import State, Timing
from agent.core.call.reasons import AudioDirection, CallStatus, CloseReason
from agent.core.call.values import MediaGrant
from agent.ports import LocalStream
from agent.signaling.protocol import messages as wire
from tests.fakes.network import FakeNetwork
from tests.fakes.screening import FakeScreening
from tests.parties import FAST, NOW, Party, called, party, said, two
from tests.waiting import PATIENCE, until

LOW, HIGH = "00000000-0000-4000-8000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff"
# nothing of these tests waits for a second of the clock
AT_ONCE = replace(FAST, timing=Timing(crossing=0.0, giving_way=0.0))
NEVER = replace(FAST, timing=Timing(crossing=600.0, giving_way=600.0))


async def invite(who: Party, conversation: str, caller: str = "bob") -> None:
    """An invitation of a caller that does not answer any."""
    message = wire.Invite(
        conversation=conversation, party="stranger", sdp="v=0", sent_at=wire.format_time(NOW)
    )
    who.broker.publish(f"callbox/v1/{who.client.uid}/signal/{caller}", wire.encode(message))


def open_call(who: Party) -> Conversation:
    (conversation,) = who.client.conversations.values()
    return conversation


async def closed(conversation: Conversation) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await conversation.wait_closed()


async def test_crossing_calls_of_two_clients_meet() -> None:
    async with two() as (alice, bob):
        first, second = alice.client.call("bob"), bob.client.call("alice")
        records = [await closed(min(first, second, key=lambda each: -int(each.id[:8], 16)))]
        await until(lambda: open_call(alice).id == open_call(bob).id)
        winner = open_call(alice)
        assert records[0].reason is CloseReason.ANSWERED_ELSEWHERE
        assert records[0].answered_by == winner.id
        assert winner.call_status is CallStatus.ACCEPTED
        for who in (alice, bob):
            who.peers.last.connect()
        await until(lambda: open_call(alice).state is State.ESTABLISHED)
        await until(lambda: open_call(bob).state is State.ESTABLISHED)
        assert winner.id == min(first.id, second.id)


async def test_crossing_call_is_told_of_by_called_and_accepted_already() -> None:
    """Without screening: with the media and the grant of the call that it takes the place of."""
    network, stream = FakeNetwork(), LocalStream()
    async with party(network, "alice") as alice:
        grant = MediaGrant(audio=AudioDirection.RECEIVE)
        own = alice.client.call("bob", stream, grant=grant)
        await invite(alice, LOW)
        conversation = await called(alice)
        assert conversation.crosses
        await conversation.ring()
        await conversation.accept()
        assert conversation.call_status is CallStatus.ACCEPTED
        record = await closed(own)
        assert (record.reason, record.answered_by) == (CloseReason.ANSWERED_ELSEWHERE, LOW)
        assert alice.peers.last.local is stream
        assert alice.peers.last.grant == grant
        assert [each["type"] for each in said(network, "alice", "bob")].count("ringing") == 0


async def test_crossing_caller_that_cannot_answer_is_taken() -> None:
    """Ours goes first, and is not answered; its inviter neither selects nor connects."""
    network = FakeNetwork()
    async with party(network, "alice", AT_ONCE) as alice:
        own = alice.client.call("bob")
        await until(lambda: own.state is State.INVITING)
        await invite(alice, HIGH)
        record = await closed(own)
        assert record.answered_by == HIGH
        assert open_call(alice).id == HIGH
        answers = [each for each in said(network, "alice", "bob") if each["type"] == "response"]
        assert [each["callStatus"] for each in answers] == ["ACCEPTED"]


async def test_crossing_caller_that_is_busy_is_taken_now() -> None:
    network = FakeNetwork()
    async with party(network, "alice", NEVER) as alice:
        own = alice.client.call("bob")
        await until(lambda: own.state is State.INVITING)
        await invite(alice, HIGH)
        busy = wire.Response(
            conversation=own.id, party="stranger", call_status=CallStatus.BUSY, reason="busy"
        )
        alice.broker.publish("callbox/v1/alice/signal/bob", wire.encode(busy))
        assert (await called(alice)).id == HIGH
        select = wire.Select(conversation=HIGH, party="stranger", selected_party="party-alice")
        await until(lambda: bool(said(network, "alice", "bob")))
        alice.broker.publish("callbox/v1/alice/signal/bob", wire.encode(select))
        record = await closed(own)
        assert (record.reason, record.answered_by) == (CloseReason.ANSWERED_ELSEWHERE, HIGH)
        assert record.call_status is None


@pytest.mark.parametrize("action", [Action.REJECT, Action.BUSY])
async def test_crossing_caller_whom_a_rule_refuses_does_not_get_in(action: Action) -> None:
    network, screening = FakeNetwork(), FakeScreening(lambda _: Decision(action))
    async with party(network, "alice", AT_ONCE, screening=screening) as alice:
        own = alice.client.call("bob")
        await until(lambda: own.state is State.INVITING)
        for conversation in (LOW, HIGH):
            await invite(alice, conversation)
        await until(
            lambda: (
                [each.get("callStatus") for each in said(network, "alice", "bob")].count(
                    "REJECTED" if action is Action.REJECT else "BUSY"
                )
                == 2
            )
        )
        assert own.state is State.INVITING
        assert alice.called.empty()


async def test_crossing_caller_has_the_media_of_its_rule() -> None:
    network, grant = FakeNetwork(), MediaGrant(video=False, max_duration=7.0)
    screening = FakeScreening(lambda _: Decision(Action.RING, "guests", None, grant))
    async with party(network, "alice", screening=screening) as alice:
        alice.client.call("bob")
        await invite(alice, LOW)
        conversation = await called(alice)
        await conversation.accept()
        assert conversation.rules.rule == "guests"
        assert alice.peers.last.grant == grant


async def test_crossing_talk_of_somebody_whom_a_rule_accepts_takes_the_call() -> None:
    network = FakeNetwork()
    screening = FakeScreening(
        lambda each: Decision(Action.ACCEPT if each.caller == "concierge" else Action.RING)
    )
    async with party(network, "door", screening=screening) as door:
        own = door.client.call(["alice", "bob"])
        await until(lambda: own.state is State.INVITING)
        await invite(door, "11111111-1111-4111-8111-111111111111", "guest")
        await invite(door, HIGH, "concierge")
        record = await closed(own)
        assert record.answered_by == HIGH
        (busy,) = [each for each in said(network, "door", "guest") if each["type"] == "response"]
        assert busy["callStatus"] == "BUSY"
        for target in ("alice", "bob"):
            assert said(network, "door", target)[-1]["reason"] == "answered_elsewhere"


async def test_crossing_call_to_whom_rings_here_is_taken() -> None:
    network = FakeNetwork()
    screening = FakeScreening(lambda _: Decision(Action.RING))
    async with party(network, "alice", screening=screening) as alice:
        await invite(alice, LOW)
        ringing = await called(alice)
        await until(lambda: ringing.state is State.RINGING)
        own = alice.client.call("bob")
        assert (await closed(own)).answered_by == LOW
        assert ringing.call_status is CallStatus.ACCEPTED


@pytest.mark.parametrize("turns", range(8))
async def test_crossing_call_called_off_leaves_the_other_to_the_application(turns: int) -> None:
    """At any moment: before the invitation is there, while its begin is written, and later."""
    network = FakeNetwork()
    async with party(network, "alice", NEVER) as alice:
        own = alice.client.call("bob")
        await until(lambda: own.state is State.INVITING)
        await invite(alice, HIGH)
        for _ in range(turns):
            await asyncio.sleep(0)
        assert alice.called.empty()
        await own.close()
        conversation = await called(alice)
        assert (conversation.state, conversation.crosses) == (State.INVITED, False)
        await conversation.accept()
        assert conversation.call_status is CallStatus.ACCEPTED
