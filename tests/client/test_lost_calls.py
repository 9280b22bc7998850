"""A call over which nothing arrives is lost, not over (PROTOCOL 3), as a client keeps it."""

from __future__ import annotations

from dataclasses import replace

from agent.core.call import events as ev
from agent.core.call.machine import State, Timing
from agent.core.call.reasons import CallStatus, CloseReason, Side
from tests.fakes.network import FakeNetwork
from tests.parties import FAST, called, connected, party, two
from tests.waiting import until

# lost as soon as silence is told
SOON = replace(FAST, timing=replace(Timing(), lost=3.0))


async def test_lost_call_sends_nothing_and_leaves_its_line_until_it_is_heard_again() -> None:
    async with two(SOON) as (alice, bob):
        _, incoming = await connected(alice, bob)
        occupied: list[bool] = []
        bob.client.on("conversations", lambda: occupied.append(bob.client.busy))
        carrier = bob.peers.made[0]
        assert carrier.media
        carrier.emit(ev.PeerSilent(0, 3.0))
        await until(lambda: occupied[-1:] == [False])
        assert incoming.state is State.LOST
        assert not carrier.media
        assert bob.client.conversations == {incoming.id: incoming}
        carrier.emit(ev.PeerHeard(0))
        await until(lambda: occupied[-1] is True)
        assert carrier.media


async def test_lost_call_is_replaced_by_the_next_that_is_accepted() -> None:
    network = FakeNetwork()
    async with (
        party(network, "alice", SOON) as alice,
        party(network, "bob", SOON) as bob,
        party(network, "carol", SOON) as carol,
    ):
        _, lost = await connected(alice, bob)
        bob.peers.made[0].emit(ev.PeerSilent(0, 3.0))
        await until(lambda: lost.state is State.LOST)
        following = carol.client.call("bob")
        answered = await called(bob)
        assert lost.state is State.LOST
        await answered.accept()
        assert await following.answered() is CallStatus.ACCEPTED
        record = await lost.wait_closed()
        assert record.reason is CloseReason.REPLACED
        assert bob.client.busy
        assert bob.client.conversations == {answered.id: answered}


async def test_lost_call_comes_back_over_a_fresh_transport() -> None:
    async with two(SOON) as (alice, bob):
        outgoing, incoming = await connected(alice, bob)
        bob.peers.made[0].emit(ev.PeerSilent(0, 3.0))
        await until(lambda: incoming.state is State.LOST)
        await until(lambda: len(alice.peers.made) == 2 and bob.peers.last.answered is not None)
        for side in (alice, bob):
            side.peers.last.connect()
        await until(lambda: incoming.state is State.ESTABLISHED)
        assert bob.peers.last.media
        assert outgoing.rules.reconnects == incoming.rules.reconnects == 1


async def test_lost_call_of_who_vanished_frees_its_line_after_8_5_s_and_is_closed_once() -> None:
    """With the times of PROTOCOL 3; also where who vanished is back after its end."""
    network = FakeNetwork()
    async with (
        party(network, "alice") as alice,
        party(network, "bob") as bob,
        party(network, "carol") as carol,
    ):
        outgoing, lost = await connected(alice, bob)
        alice.broker.drop(comes_back=False)
        # so long when it is noticed: nobody waits for a clock
        bob.peers.made[0].emit(ev.PeerSilent(0, Timing().lost))
        await until(lambda: not bob.client.busy)
        assert lost.record is None
        following = carol.client.call("bob")
        await (await called(bob)).accept()
        assert await following.answered() is CallStatus.ACCEPTED
        record = await lost.wait_closed()
        assert (record.reason, record.closed_by) == (CloseReason.REPLACED, Side.LOCAL)
        alice.broker.comes_back = True
        alice.broker.come_back()
        assert (await outgoing.wait_closed()).reason is CloseReason.REPLACED
        await following.close()
        await until(lambda: not bob.client.conversations and bob.names.count("closed") > 1)
        ends = [event.reason for name, event in bob.events if name == "closed"]
        assert ends == [CloseReason.REPLACED, CloseReason.USER_HANGUP]
