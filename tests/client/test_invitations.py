"""How an invitation goes out: again while nobody hears it, and to an end where it is forbidden."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.client import invitations
from agent.client.invitations import Invitations
from agent.client.tasks import Tasks
from agent.core.call import events as ev
from agent.core.call.delivery import Delivery
from agent.core.call.machine import Timing
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallMode, CallStatus, CloseReason
from agent.errors import NotAuthorized, SignalingError
from tests.fakes.network import FakeNetwork
from tests.parties import called, party
from tests.waiting import until


class Scene:
    """An outgoing call, and what becomes of each of its messages by `outcomes`, the last of which
    stays.
    """

    def __init__(self, *targets: str, mode: CallMode = CallMode.PARALLEL) -> None:
        self.rules = OutgoingCall("c-1", "own", targets, Timing(), 0.0, mode=mode, lifetime=30.0)
        self.sent: list[ev.SendInvite | ev.SendCandidate] = []
        self.errors: list[tuple[str, str]] = []
        self.posted: list[ev.Input] = []
        self.outcomes: dict[str, list[Delivery | Exception]] = {}
        self.tasks = Tasks("test")
        self.invitations = Invitations(
            self.rules,
            self._send,
            fail=lambda error: self.errors.append((error.code, error.message)),
            post=self.posted.append,
            spawn=self.tasks.spawn,
        )

    def begin(self) -> None:
        self.rules.start(0.0)
        effects = self.rules.handle(ev.DescriptionReady(0, "v=0"), 1.0).effects
        for effect in effects:
            assert isinstance(effect, ev.SendInvite)
            self.invitations.send(effect)

    def invites(self, uid: str) -> int:
        return sum(isinstance(each, ev.SendInvite) and each.to == uid for each in self.sent)

    def _send(self, message: ev.SendInvite | ev.SendCandidate) -> asyncio.Future[Delivery]:
        self.sent.append(message)
        future = asyncio.get_running_loop().create_future()
        outcomes = self.outcomes.get(message.to, [Delivery.TAKEN])
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
        return future


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "REPEAT", 0.001)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene("bob")
    yield made
    made.invitations.end()
    await made.tasks.finish(5)


async def settled(scene: Scene) -> None:
    """What was sent has been seen through."""
    await until(lambda: not scene.tasks._tasks)


async def test_invitation_that_is_heard_goes_out_once(scene: Scene) -> None:
    scene.begin()
    await settled(scene)
    assert (scene.invites("bob"), scene.errors, scene.posted) == (1, [], [])


async def test_invitation_that_nobody_hears_is_told_once_and_sent_again(scene: Scene) -> None:
    scene.outcomes["bob"] = [*[Delivery.UNHEARD] * 3, Delivery.TAKEN]
    scene.begin()
    scene.rules.candidates.found.append(ev.IceCandidate("candidate:1", "0", 0))
    await settled(scene)
    text = "nobody called bob is connected to the broker"
    assert scene.errors == [("unreachable", text)]
    invites = [each for each in scene.sent if isinstance(each, ev.SendInvite)]
    assert len(invites) > 1
    # what was said of the path meanwhile was unheard as well
    assert isinstance(scene.sent[-1], ev.SendCandidate)
    # it ends when it would have ended
    assert all(each.lifetime < 30.0 for each in invites[1:])


async def test_invitation_is_not_sent_again_after_the_end(scene: Scene) -> None:
    scene.outcomes["bob"] = [Delivery.UNHEARD]
    scene.begin()
    await until(lambda: scene.invites("bob") > 2)
    scene.rules.handle(ev.CloseRequested(), 2.0)
    scene.invitations.end()
    await settled(scene)
    sent = len(scene.sent)
    await asyncio.sleep(0.01)
    assert len(scene.sent) == sent


async def test_invitation_that_waits_for_the_broker_holds_no_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(scene.invitations, "_send", lambda _: never)
    scene.begin()
    scene.invitations.end()
    await settled(scene)
    never.cancel()


async def test_invitation_that_is_forbidden_ends_the_call(scene: Scene) -> None:
    scene.outcomes["bob"] = [NotAuthorized("refused by the broker: Not authorized")]
    scene.begin()
    await settled(scene)
    assert scene.errors == [("not_authorized", "the broker does not let this name call bob")]
    assert scene.posted == [ev.CloseRequested(CloseReason.CANCELLED)]


async def test_invitation_that_the_broker_does_not_take_is_left_at_that(scene: Scene) -> None:
    """An old broker's silence, a full queue: the call waits out its lifetime as ever."""
    scene.outcomes["bob"] = [SignalingError("the queue to the broker is full")]
    scene.begin()
    await settled(scene)
    assert (scene.invites("bob"), scene.errors, scene.posted) == (1, [], [])


async def test_invitations_of_several_are_unreachable_when_all_are() -> None:
    scene = Scene("alice", "bob")
    scene.outcomes = {"alice": [Delivery.UNHEARD], "bob": [Delivery.TAKEN]}
    scene.begin()
    await until(lambda: scene.invites("alice") > 3)
    assert scene.errors == []
    busy = ev.ResponseReceived("bob", "p", CallStatus.BUSY, "busy", None, False)
    scene.rules.handle(busy, 2.0)
    await until(lambda: bool(scene.errors))
    assert scene.errors == [("unreachable", "nobody called alice is connected to the broker")]
    scene.invitations.end()
    await scene.tasks.finish(5)


async def test_invitation_that_is_forbidden_beside_others_takes_that_one_out() -> None:
    scene = Scene("alice", "bob", mode=CallMode.SEQUENTIAL)
    scene.outcomes["alice"] = [NotAuthorized("refused by the broker: Not authorized")]
    scene.begin()
    await settled(scene)
    (out,) = scene.posted
    effects = scene.rules.handle(out, 2.0).effects
    assert [each.to for each in effects if isinstance(each, ev.SendInvite)] == ["bob"]
    raised = [each.code for each in effects if isinstance(each, ev.ErrorRaised)]
    assert raised == ["not_authorized"]


async def test_call_reaches_whoever_comes_while_it_rings() -> None:
    network = FakeNetwork()
    async with party(network, "alice") as alice:
        conversation = alice.client.call("bob")
        error = await alice.seen("error")
        assert error.code == "unreachable"
        async with party(network, "bob") as bob:
            incoming = await called(bob)
            assert incoming.id == conversation.id
            await incoming.reject()
            await conversation.wait_closed()
    assert alice.names == ["error", "response", "closed"]


async def test_invitation_waits_for_what_goes_along_while_its_offer_is_made() -> None:
    network = FakeNetwork()
    async with party(network, "alice") as alice, party(network, "bob") as bob:
        picture: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        along = {"targets": ["bob"]}
        conversation = alice.client.call("bob", user_data=along, wait_for=picture)
        await until(lambda: any(peer.described for peer in alice.peers.made))
        # what was made has had its turns to be said
        for _ in range(20):
            await asyncio.sleep(0)
        assert bob.called.empty()
        assert [each for each in network.published if "/bob/" in each.topic] == []
        along["snapshot"] = ["made"]
        picture.set_result(None)
        incoming = await called(bob)
        assert incoming.id == conversation.id
        assert incoming.invitation is not None
        assert incoming.invitation.user_data == {"targets": ["bob"], "snapshot": ["made"]}
        await incoming.reject()
        await conversation.wait_closed()
