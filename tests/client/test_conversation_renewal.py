"""A fresh transport beside the old one, whichever side makes it."""

from __future__ import annotations

from dataclasses import replace

from agent.core.call import events as ev
from agent.ports import Signal
from tests.parties import FAST, called, connected, said, two
from tests.waiting import until


async def test_conversation_transport_is_renewed_by_the_remote_peer() -> None:
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


async def test_conversation_both_renew_at_once_and_the_inviters_offer_wins() -> None:
    """The invited side's own offer, ready in the same moment, must not go out as the answer."""
    async with two() as (alice, bob):
        outgoing, incoming = await connected(alice, bob)
        bob.peers.prepare = lambda peer: peer.hold.clear()
        incoming.renew()
        await until(lambda: len(bob.peers.made) == 2)
        ours = bob.peers.last
        outgoing.renew()
        await until(lambda: len(alice.peers.made) == 2)
        offer = ev.OfferReceived("alice", "party-alice", 1, "offer 1")
        bob.client._calls.handle(Signal("alice", outgoing.id, offer))
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


async def test_conversation_record_holds_what_an_earlier_transport_carried() -> None:
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


async def test_conversation_silent_path_is_renewed_from_either_side() -> None:
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
