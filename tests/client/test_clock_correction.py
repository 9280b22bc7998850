"""A caller whose clock is wrong corrects itself by the remote peer's, once: the application sees
one call.
"""

from __future__ import annotations

from dataclasses import replace

from agent.core.call.reasons import CallStatus, CloseReason
from agent.signaling.protocol import messages as wire
from tests.fakes.network import FakeNetwork
from tests.parties import FAST, NOW, Party, called, party, said
from tests.waiting import until

AHEAD = replace(FAST, wall=lambda: NOW + 3600, max_conversations=2)


def invitations(network: FakeNetwork, to: str) -> list[dict[str, object]]:
    return [each for each in said(network, "alice", to) if each["type"] == "invite"]


def tell_expired(bob: Party, conversation: str) -> None:
    bob.signaling.publish(
        "alice",
        wire.Response(
            conversation=conversation,
            party="party-bob",
            call_status=CallStatus.TIMEOUT,
            reason="expired",
            now=wire.format_time(NOW + 3600),
        ),
    )


async def test_clock_correction_invites_once_more_by_the_remote_clock() -> None:
    network = FakeNetwork()
    async with party(network, "alice") as alice, party(network, "bob", AHEAD) as bob:
        outgoing = alice.client.call("bob", user_data="hello")
        incoming = await called(bob)
        first, second = invitations(network, "bob")
        assert (first["sentAt"], second["sentAt"]) == (
            wire.format_time(NOW),
            wire.format_time(NOW + 3600),
        )
        assert (first["sdp"], first["userData"]) == (second["sdp"], second["userData"])
        assert first["conversation"] == outgoing.id != second["conversation"]
        assert incoming.id == second["conversation"] == outgoing.signaled_as
        await incoming.accept()
        assert await outgoing.answered() is CallStatus.ACCEPTED
        assert alice.client.conversations == {outgoing.id: outgoing}
        for side in (alice, bob):
            side.peers.last.connect()
        await alice.seen("connected")
        old = wire.Close(conversation=outgoing.id, party="party-bob", reason="user_hangup")
        # of the invitation that is no more
        alice.peers.last.control(wire.encode(old).decode())
        outgoing.renew()
        await until(lambda: alice.peers.last.answered == "answer 1")
        await incoming.close()
        record = await outgoing.wait_closed()
        assert not alice.client.busy
    assert (record.reason, record.call_status) == (CloseReason.USER_HANGUP, CallStatus.ACCEPTED)
    assert alice.names == ["response", "connected", "closed"]


async def test_clock_correction_is_believed_once_and_not_for_ever() -> None:
    """Whoever calls every invitation expired is believed one time."""
    network = FakeNetwork()
    async with party(network, "alice") as alice, party(network, "bob", AHEAD) as bob:
        bob.client._calls.handle = lambda *_: None  # type: ignore[method-assign]
        outgoing = alice.client.call("bob")
        await until(lambda: len(invitations(network, "bob")) == 1)
        tell_expired(bob, outgoing.id)
        # delivered twice: it answers an invitation that is no more
        tell_expired(bob, outgoing.id)
        await until(lambda: len(invitations(network, "bob")) == 2)
        tell_expired(bob, outgoing.signaled_as)
        record = await outgoing.wait_closed()
        assert len(invitations(network, "bob")) == 2
    assert (record.call_status, record.reason) == (CallStatus.TIMEOUT, CloseReason.INVITE_TIMEOUT)
    assert alice.names == ["response", "closed"]


async def test_clock_correction_who_answers_the_first_invitation_is_sent_away() -> None:
    network = FakeNetwork()
    async with party(network, "alice") as alice, party(network, "bob", AHEAD) as bob:
        outgoing = alice.client.call("bob")
        await called(bob)
        late = wire.Response(
            conversation=outgoing.id, party="phone", call_status=CallStatus.ACCEPTED, sdp="v=0"
        )
        bob.signaling.publish("alice", late)
        await until(
            lambda: any(
                (each["type"], each["conversation"]) == ("close", outgoing.id)
                and said(network, "bob", "alice")[-1]["callStatus"] == "ACCEPTED"
                for each in said(network, "alice", "bob")[-1:]
            )
        )
        assert outgoing.call_status is None


async def test_clock_correction_everyone_still_waiting_is_invited_again() -> None:
    network = FakeNetwork()
    async with (
        party(network, "alice") as alice,
        party(network, "bob", AHEAD) as bob,
        party(network, "carol", AHEAD) as carol,
    ):
        outgoing = alice.client.call(["bob", "carol"])
        incoming = await called(carol)
        await called(bob)
        for uid in ("bob", "carol"):
            assert [each["conversation"] for each in invitations(network, uid)] == [
                outgoing.id,
                outgoing.signaled_as,
            ]
        await incoming.accept()
        assert await outgoing.answered() is CallStatus.ACCEPTED
        assert outgoing.remote_uid == "carol"
        closed = await bob.seen("closed")
    assert closed.reason in (CloseReason.INVITE_TIMEOUT, CloseReason.ANSWERED_ELSEWHERE)


async def test_clock_correction_timeout_without_a_time_is_an_answer() -> None:
    network = FakeNetwork()
    async with party(network, "alice") as alice, party(network, "bob") as bob:
        outgoing = alice.client.call("bob")
        await (await called(bob)).reject("no_answer", status=CallStatus.TIMEOUT)
        record = await outgoing.wait_closed()
        assert len(invitations(network, "bob")) == 1
    assert record.call_status is CallStatus.TIMEOUT
