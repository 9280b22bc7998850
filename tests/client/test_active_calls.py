"""Which invitations begin a call, and what becomes of signals that belong to none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from agent.client.call_client import CallClient
from agent.core.call import events as ev
from agent.core.call.decision import Action, Decision, Line
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason
from agent.core.call.registry import MAX_RINGING
from agent.errors import InvalidStateError
from agent.ports import LocalStream, Signal
from agent.signaling.protocol import messages as wire
from tests.fakes.network import FakeNetwork
from tests.fakes.observer import RecordingObserver
from tests.fakes.peer import FakePeers
from tests.fakes.screening import FakeScreening
from tests.fakes.signaling import FakeSignaling
from tests.parties import FAST, NOW, called, connected, party, said, two
from tests.waiting import until


async def test_active_calls_busy_beyond_the_conversations_allowed() -> None:
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


async def test_active_calls_who_is_turned_away_takes_no_line() -> None:
    """A flood of invitations that are refused must not make a device busy for its proper caller."""
    network = FakeNetwork()
    screening = FakeScreening(
        lambda invited: Decision(Action.REJECT if invited.caller == "mallory" else Action.RING)
    )
    async with (
        party(network, "alice") as alice,
        party(network, "bob", screening=screening) as bob,
        party(network, "mallory") as mallory,
    ):
        numbers: list[tuple[int, bool]] = []
        bob.client.on(
            "conversations",
            lambda: numbers.append((len(bob.client.conversations), bob.client.busy)),
        )
        turned_away, proper = mallory.client.call("bob"), alice.client.call("bob")
        await (await called(bob)).accept()
        assert await proper.answered() is CallStatus.ACCEPTED
        assert (await turned_away.wait_closed()).call_status is CallStatus.REJECTED
        assert numbers == [(1, False), (1, True)]
        assert [name for name in bob.names if name in ("called", "closed")].count("called") == 2
        proper.hang_up()
        await bob.client.close()
    assert numbers[2:] == [(0, False)]


async def test_active_calls_invitation_twice_in_one_breath_is_refused_once() -> None:
    network = FakeNetwork()
    nobody = FakeScreening(lambda _: Decision(Action.REJECT))
    async with party(network, "alice") as alice, party(network, "bob", screening=nobody) as bob:
        message = wire.Invite(
            conversation=wire.NO_CONVERSATION,
            party="p",
            sdp="v=0",
            sent_at=wire.format_time(FAST.wall()),
            lifetime=30,
        )
        for _ in range(3):
            alice.signaling.publish("bob", message)
        await bob.seen("closed")
        alice.signaling.publish("bob", message)
        await until(lambda: len(said(alice.network, "bob", "alice")) == 2)
    assert bob.names == ["called", "response", "closed"]


async def test_active_calls_invitation_of_the_past_gets_our_time() -> None:
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
        alice.signaling.publish("bob", stale)
        closed = await bob.seen("closed")
        answers = said(network, "bob", "alice")
    assert (closed.call_status, closed.reason) == (CallStatus.TIMEOUT, CloseReason.INVITE_TIMEOUT)
    assert [(each["callStatus"], each["reason"]) for each in answers] == [("TIMEOUT", "expired")]
    assert answers[0]["now"] == wire.format_time(NOW + 3600)
    assert bob.called.empty()


async def test_active_calls_age_is_not_judged_before_the_clock_is_set() -> None:
    network = FakeNetwork()
    unset = replace(FAST, wall=lambda: 60.0)
    async with party(network, "alice") as alice, party(network, "bob", unset) as bob:
        alice.client.call("bob")
        assert (await called(bob)).remote_uid == "alice"


async def test_active_calls_accepted_after_the_end_is_sent_away() -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        incoming = await called(bob)
        await outgoing.close()
        await incoming.wait_closed()
        late = wire.Response(
            conversation=outgoing.id, party="party-x", call_status=CallStatus.ACCEPTED, sdp="v=0"
        )
        mark = len(alice.network.published)
        bob.signaling.publish("alice", late)
        await until(
            lambda: any(
                b'"close"' in each.payload and b'"cancelled"' in each.payload
                for each in alice.network.published[mark:]
                if each.topic.endswith("bob/signal/alice")
            )
        )


async def test_active_calls_who_rings_after_the_end_is_sent_away() -> None:
    async with two() as (alice, bob):
        outgoing = alice.client.call("bob")
        await (await called(bob)).reject()
        await outgoing.wait_closed()
        phone = wire.Ringing(conversation=outgoing.id, party="phone", expires_in=20)
        bob.signaling.publish("alice", phone)
        await until(lambda: said(alice.network, "alice", "bob")[-1]["type"] == "close")


async def test_active_calls_only_the_inviter_selects() -> None:
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
        mallory.signaling.publish("bob", select)
        await (await called(mallory)).reject()
        await incoming.accept()
        assert await outgoing.answered() is CallStatus.ACCEPTED


@pytest.mark.parametrize("text", ["", "{}", "[" * 200, json.dumps({"type": "close"})])
async def test_active_calls_nonsense_on_the_data_channel_is_ignored(text: str) -> None:
    async with two() as (alice, bob):
        _, incoming = await connected(alice, bob)
        bob.peers.last.control(text)
        other = wire.Close(
            conversation=wire.NO_CONVERSATION, party="party-alice", reason="user_hangup"
        )
        bob.peers.last.control(wire.encode(other).decode())
        assert incoming.state is State.ESTABLISHED


def invitation(conversation: str = "c-1", caller: str = "bob", age: float = 0.0) -> ev.Invitation:
    return ev.Invitation(conversation, caller, f"party-{caller}", "v=0", 30.0, age)


def hear(signaling: FakeSignaling, content: ev.Invitation) -> None:
    signaling.hear(Signal(content.caller, content.conversation, content))


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        (Action.ACCEPT, ev.SendResponse(CallStatus.ACCEPTED, sdp="answer 0")),
        (Action.RING, ev.SendRinging(30.0)),
        (Action.REJECT, ev.SendResponse(CallStatus.REJECTED, "rejected")),
        (Action.BUSY, ev.SendResponse(CallStatus.BUSY, "busy")),
    ],
)
async def test_active_calls_carry_out_what_was_decided_once(
    action: Action, answer: ev.SignalEffect
) -> None:
    signaling, screening = FakeSignaling(), FakeScreening(lambda _: Decision(action))
    peers, stream = FakePeers(), LocalStream()
    options = replace(FAST, monotonic=lambda: 0.0)
    client = CallClient(signaling, peers, options, screening=screening, local_stream=stream)
    async with client:
        hear(signaling, invitation())
        await until(lambda: bool(signaling.said))
        assert signaling.effects[0] == answer
    assert screening.asked == [(invitation(), Line.FREE)]
    assert all(peer.local is stream for peer in peers.made)


async def test_active_calls_may_send_each_invitation_something_else() -> None:
    signaling, screening = FakeSignaling(), FakeScreening(lambda _: Decision(Action.ACCEPT))
    peers, asked, stream = FakePeers(), [], LocalStream()

    def stream_for(invited: ev.Invitation) -> LocalStream:
        asked.append(invited.caller)
        return stream

    client = CallClient(signaling, peers, screening=screening, stream_for=stream_for)
    async with client:
        hear(signaling, invitation())
        await until(lambda: bool(peers.made))
        assert asked == [invitation().caller]
        assert peers.last.local is stream


async def test_active_calls_ask_about_no_invitation_that_is_too_old() -> None:
    signaling, screening = FakeSignaling(), FakeScreening(lambda _: Decision(Action.ACCEPT))
    async with CallClient(signaling, FakePeers(), screening=screening):
        hear(signaling, invitation(age=60.0))
        await until(lambda: bool(signaling.said))
    assert signaling.effects == [ev.SendResponse(CallStatus.TIMEOUT, "expired")]
    assert screening.asked == []


def answers(signaling: FakeSignaling) -> list[tuple[str, str | None]]:
    """The conversations that were answered, and how."""
    return [
        (each.conversation, each.effect.status.value)
        for each in signaling.said
        if isinstance(each.effect, ev.SendResponse)
    ]


async def test_active_calls_that_ring_keep_nobody_out_whom_a_rule_accepts() -> None:
    """PROTOCOL 3: a ringing invitation takes no line, and ends BUSY when the last one is taken."""
    signaling = FakeSignaling()
    by_caller = {"alice": Action.ACCEPT}
    screening = FakeScreening(lambda who: Decision(by_caller.get(who.caller, Action.RING)))
    async with CallClient(signaling, FakePeers(), screening=screening) as client:
        hear(signaling, invitation("c-1", "mallory"))
        hear(signaling, invitation("c-2", "mallory"))
        await until(lambda: len(signaling.said) == 2)
        assert not client.busy
        hear(signaling, invitation("c-3", "alice"))
        await until(lambda: len(answers(signaling)) == 3)
        assert client.busy
    found = answers(signaling)
    assert sorted(found) == [("c-1", "BUSY"), ("c-2", "BUSY"), ("c-3", "ACCEPTED")]
    assert [line for _, line in screening.asked] == [Line.FREE] * 3


async def test_active_calls_that_ring_end_busy_when_a_person_takes_another() -> None:
    signaling, screening = FakeSignaling(), FakeScreening(lambda _: Decision(Action.RING))
    async with CallClient(signaling, FakePeers(), screening=screening) as client:
        hear(signaling, invitation("c-1", "alice"))
        hear(signaling, invitation("c-2", "bob"))
        await until(lambda: len(signaling.said) == 2)
        await client.conversations["c-2"].accept()
        await until(lambda: len(answers(signaling)) == 2)
    assert sorted(answers(signaling)) == [("c-1", "BUSY"), ("c-2", "ACCEPTED")]


async def test_active_calls_that_ring_are_bounded() -> None:
    signaling, screening = FakeSignaling(), FakeScreening(lambda _: Decision(Action.RING))
    async with CallClient(signaling, FakePeers(), screening=screening):
        for number in range(MAX_RINGING + 1):
            hear(signaling, invitation(f"c-{number}", f"caller-{number}"))
        await until(lambda: len(signaling.said) == MAX_RINGING + 1)
        assert answers(signaling) == [(f"c-{MAX_RINGING}", "BUSY")]


async def test_active_calls_screening_is_told_that_no_line_is_free() -> None:
    signaling, screening = FakeSignaling(), FakeScreening(lambda _: Decision(Action.ACCEPT))
    async with CallClient(signaling, FakePeers(), screening=screening):
        hear(signaling, invitation())
        hear(signaling, invitation("c-2", "carol"))
        await until(lambda: len(answers(signaling)) == 2)
    assert [line for _, line in screening.asked] == [Line.FREE, Line.TAKEN]
    assert ("c-2", ev.SendResponse(CallStatus.BUSY, "busy")) in [
        (each.conversation, each.effect) for each in signaling.said
    ]


async def test_active_calls_observer_is_told_begin_events_and_end_in_order() -> None:
    signaling, observer = FakeSignaling(), RecordingObserver()
    screening = FakeScreening(lambda _: Decision(Action.REJECT))
    client = CallClient(signaling, FakePeers(), screening=screening, observer=observer)
    async with client:
        hear(signaling, invitation())
        await until(lambda: "ended" in [name for name, _ in observer.told])
    assert [name for name, _ in observer.told] == ["begun", "called", "response", "closed", "ended"]


async def test_active_calls_observer_that_fails_costs_nobody_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing(RecordingObserver):
        async def begun(self, conversation: Any) -> None:
            raise OSError("the disk is full")

    signaling, acknowledged = FakeSignaling(), list[bool]()
    screening = FakeScreening(lambda _: Decision(Action.REJECT))
    async with CallClient(signaling, FakePeers(), screening=screening, observer=Failing()):
        signaling.hear(Signal("bob", "c-1", invitation(), lambda: acknowledged.append(True)))
        await until(lambda: bool(acknowledged))
    assert len(signaling.said) == 1
    assert "the disk is full" in caplog.text
