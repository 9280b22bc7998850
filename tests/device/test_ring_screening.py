"""Previews for whom the device rings, and hours in which nobody rings here."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from agent.core.call.decision import Action, Decision, Line
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from agent.core.call.values import Invitation
from agent.core.policy.known_callers import NOBODY, KnownCallers
from agent.core.policy.schedule import Hours
from agent.core.ring.ring_patience import SHORT_RING
from agent.device.ring_screening import DO_NOT_DISTURB, PREVIEW, RingScreening
from tests.devices import device
from tests.doorbells import Bell, ringing
from tests.fakes.network import FakeNetwork
from tests.parties import NOW, called, party
from tests.waiting import until


class Rules:
    """Decide always the same."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision

    def known_callers(self) -> KnownCallers:
        return NOBODY

    def admit(self, _invitation: Invitation, *, line: Line) -> Decision:
        assert line is Line.FREE
        return self.decision


def asked(screening: RingScreening, caller: str, purpose: Purpose = Purpose.TALK) -> Decision:
    invitation = Invitation("id", caller, "party", "sdp", 30.0, purpose=purpose)
    return screening.admit(invitation, line=Line.FREE)


@pytest.mark.parametrize(
    ("action", "hours", "now", "outcome"),
    [
        (Action.RING, "07:00-09:00", NOW, DO_NOT_DISTURB),
        (Action.RING, "10:00-12:00", NOW, None),
        (Action.ACCEPT, "07:00-09:00", NOW, None),
        (Action.RING, "00:00-24:00", 60.0, None),
    ],
    ids=["quiet", "not now", "accepted by rule", "clock unset"],
)
def test_nobody_rings_in_quiet_hours(
    action: Action, hours: str, now: float, outcome: str | None
) -> None:
    rules = Rules(Decision(action, rule="ask"))
    screening = RingScreening(rules, Hours.parse(hours), UTC, lambda: now)
    decision = asked(screening, "alice")
    assert decision.reason == outcome
    assert decision.action is (Action.REJECT if outcome else action)


async def test_whoever_rings_again_rings_shorter_until_somebody_answers(tmp_path: Path) -> None:
    network = FakeNetwork()
    rule = {"name": "ask", "action": "ring", "callers": ["alice"]}
    async with device(network, tmp_path, rule) as door, party(network, "alice") as alice:
        screening = RingScreening(door.screening, None, UTC, lambda: NOW)
        door.client.subscribe(screening.answered)
        assert asked(screening, "alice").ring_time is None
        assert asked(screening, "alice").ring_time == SHORT_RING
        call = alice.client.call("door-1")
        await until(lambda: door.client.conversations != {})
        await until(lambda: next(iter(door.client.conversations.values())).state is State.RINGING)
        await door.actions.accept()
        assert await call.answered() is CallStatus.ACCEPTED
        await until(lambda: asked(screening, "alice").ring_time is None)


def previewing(bell: Bell, decision: Decision) -> RingScreening:
    screening = RingScreening(Rules(decision), None, UTC, lambda: NOW)
    screening.allow_previews(bell.doorbell, bell.door.client)
    return screening


async def test_whom_the_device_rings_may_look_while_it_rings(tmp_path: Path) -> None:
    refused = Decision(Action.REJECT, reason="not_allowed")
    async with ringing(FakeNetwork(), tmp_path) as bell:
        screening = previewing(bell, refused)
        assert asked(screening, "alice", Purpose.VIEW) is refused
        await bell.doorbell.press()
        preview = asked(screening, "alice", Purpose.VIEW)
        assert (preview.action, preview.rule) == (Action.ACCEPT, PREVIEW)
        assert asked(screening, "alice") is refused
        assert asked(screening, "mallory", Purpose.VIEW) is refused
        bell.doorbell.door_opened()
        await until(lambda: not bell.doorbell.ringing)
        assert asked(screening, "alice", Purpose.VIEW) is refused


async def test_nobody_looks_while_privacy_is_on(tmp_path: Path) -> None:
    private = Decision(Action.REJECT, reason="privacy_mode")
    async with ringing(FakeNetwork(), tmp_path) as bell:
        screening = previewing(bell, private)
        await bell.doorbell.press()
        assert asked(screening, "alice", Purpose.VIEW) is private


async def test_preview_ends_with_the_ring(tmp_path: Path) -> None:
    network = FakeNetwork()
    rule = {"name": PREVIEW, "action": "accept", "callers": ["bob"]}
    async with (
        ringing(network, tmp_path, rule) as bell,
        party(network, "alice") as alice,
        party(network, "bob") as bob,
    ):
        previewing(bell, Decision(Action.REJECT))
        await bell.doorbell.press()
        at_alice, _at_bob = await called(alice), await called(bob)
        view = bob.client.call("door-1", purpose=Purpose.VIEW)
        assert await view.answered() is CallStatus.ACCEPTED
        await at_alice.accept()
        assert (await view.wait_closed()).reason is CloseReason.ANSWERED_ELSEWHERE
