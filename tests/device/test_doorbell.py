"""Presses that become rings: who is called, and what is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.client.conversation import Conversation
from agent.core.call.machine import State
from agent.core.call.reasons import CallMode, CallStatus, CloseReason
from agent.device.doorbell import PressOutcome
from agent.device.doorbell_ports import ComingPicture
from agent.errors import NotSupportedError
from tests.devices import UID
from tests.doorbells import Bell, ringing
from tests.fakes.network import FakeNetwork
from tests.parties import FAST, Party, called, party, said
from tests.waiting import PATIENCE, until

# of whoever has not answered in time: by its own clock, or because the device says so first
OVER = (CloseReason.INVITE_TIMEOUT, CloseReason.CANCELLED)


async def rung(who: Party) -> Conversation:
    call = await called(who)
    await call.ring()
    return call


def placed(bell: Bell, outcome: PressOutcome) -> Conversation:
    assert outcome.event is not None
    assert outcome.event.conversation is not None
    return bell.door.client.conversations[outcome.event.conversation]


async def closed_with(call: Conversation) -> CloseReason:
    async with asyncio.timeout(PATIENCE):
        return (await call.wait_closed()).reason


async def test_press_rings_all_and_the_first_who_accepts_has_it(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        ringing(network, tmp_path) as bell,
        party(network, "alice") as alice,
        party(network, "bob") as bob,
    ):
        outcome = await bell.doorbell.press("front")
        call = placed(bell, outcome)
        at_alice, at_bob = await rung(alice), await rung(bob)
        assert bell.doorbell.ringing == ("alice", "bob")
        await at_bob.accept()
        assert await call.answered() is CallStatus.ACCEPTED
        assert await closed_with(at_alice) is CloseReason.ANSWERED_ELSEWHERE
        assert at_bob.invitation is not None
        assert at_bob.invitation.user_data == {"targets": ["alice", "bob"]}
        (ring,) = await bell.heard("ring")
        assert ring["conversation"] == call.id
        assert (ring["button"], ring["targets"]) == ("front", ["alice", "bob"])
        assert "suppressed" not in ring
        assert bell.chimed == ["button"]
        await until(lambda: bell.doorbell.ringing == ())
    assert bell.told("missed") == []


def coming(patience: float) -> ComingPicture:
    return ComingPicture(asyncio.get_running_loop().create_future(), patience)


def snapshot(call: Conversation) -> Any:
    assert call.invitation is not None
    return call.invitation.user_data.get("snapshot")


async def test_invitation_waits_for_a_picture_that_is_nearly_made(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with ringing(network, tmp_path) as bell, party(network, "alice") as alice:
        picture = coming(patience=30)
        bell.doorbell.ports.picture = lambda _event: picture
        await bell.doorbell.press()
        await until(lambda: bool(bell.door.peers.made) and bell.door.peers.last.described)
        assert not said(network, UID, "alice")
        picture.user_data.set_result({"snapshot": "small"})
        assert snapshot(await called(alice)) == "small"


async def test_picture_that_is_late_goes_to_who_is_rung_later(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        ringing(network, tmp_path, mode="sequential") as bell,
        party(network, "alice") as alice,
        party(network, "bob") as bob,
    ):
        picture = coming(patience=0)
        bell.doorbell.ports.picture = lambda _event: picture
        await bell.doorbell.press()
        at_alice = await rung(alice)
        assert snapshot(at_alice) is None
        picture.user_data.set_result({"snapshot": "small"})
        await at_alice.reject("busy_here")
        assert snapshot(await called(bob)) == "small"


async def test_ring_that_nobody_takes_is_missed(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with ringing(network, tmp_path, ring_time="1s") as bell, party(network, "alice") as alice:
        await bell.doorbell.press()
        at_alice = await rung(alice)
        assert await closed_with(at_alice) in OVER
        (ring,), (missed,) = await bell.heard("ring"), await bell.heard("missed")
        assert missed["conversation"] == ring["conversation"]
        assert missed["eventId"] != ring["eventId"]


async def test_targets_are_rung_in_turn_and_once_more_but_for_who_refused(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        ringing(network, tmp_path, mode="sequential", ring_time="1s", rounds=2) as bell,
        party(network, "alice") as alice,
        party(network, "bob") as bob,
    ):
        await bell.doorbell.press()
        first = await rung(alice)
        assert await closed_with(first) in OVER
        await (await rung(bob)).reject()
        second = await rung(alice)
        assert second.id != first.id
        await second.accept()
        await until(lambda: bell.doorbell.ringing == ())
        assert [each["type"] for each in said(network, UID, "bob")].count("invite") == 1
    assert bell.told("missed") == []
    assert len(bell.told("ring")) == 1


async def test_presses_of_one_visit_are_one_and_one_while_it_rings_is_told(tmp_path: Path) -> None:
    async with ringing(FakeNetwork(), tmp_path) as bell:
        await bell.doorbell.press()
        assert await bell.doorbell.press() == PressOutcome()
        bell.clock.now += 6
        outcome = await bell.doorbell.press()
        assert outcome.suppressed == "already_ringing"
        told = [each.get("suppressed") for each in await bell.heard("ring", 2)]
        assert told == [None, "already_ringing"]


async def test_presses_beyond_the_rate_call_nobody_and_are_counted(tmp_path: Path) -> None:
    async with ringing(FakeNetwork(), tmp_path, at_most="1/h", targets=[]) as bell:
        for _ in range(4):
            await bell.doorbell.press()
            bell.clock.now += 10
        assert bell.chimed == ["button"]
        await bell.heard("ring", 2)
    counts = [(each.get("suppressed"), each.get("count")) for each in bell.told("ring")]
    assert counts == [(None, None), ("rate_limited", 1), ("rate_limited", 2)]


async def test_press_without_targets_is_told_and_sounds_here(tmp_path: Path) -> None:
    async with ringing(FakeNetwork(), tmp_path, targets=[]) as bell:
        outcome = await bell.doorbell.press()
        assert (outcome.suppressed, outcome.waits) == (None, False)
        (ring,) = await bell.heard("ring")
        assert not {"conversation", "suppressed"} & ring.keys()
        assert bell.chimed == ["button"]


async def test_press_in_a_call_is_told_as_busy(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with ringing(network, tmp_path) as bell, party(network, "carol") as carol:
        bell.door.client.call("carol")
        await (await called(carol)).accept()
        await until(lambda: bell.door.client.busy)
        await until(
            lambda: all(
                each.state is State.CONNECTING for each in bell.door.client.conversations.values()
            )
        )
        assert (await bell.doorbell.press()).suppressed == "busy"


async def test_press_with_privacy_sounds_here_alone(tmp_path: Path) -> None:
    async with ringing(FakeNetwork(), tmp_path) as bell:
        bell.doorbell.ports.privacy = lambda: True
        assert (await bell.doorbell.press()).suppressed == "privacy_mode"
        assert bell.chimed == ["button"]
        assert not bell.door.client.conversations


async def test_button_with_a_list_of_its_own_rings_that(tmp_path: Path) -> None:
    async with ringing(FakeNetwork(), tmp_path) as bell:
        outcome = await bell.doorbell.press("back")
        assert placed(bell, outcome).targets == ("carol",)
        with pytest.raises(NotSupportedError, match="front, back"):
            await bell.doorbell.press("side")


async def test_list_of_the_hour_counts(tmp_path: Path) -> None:
    night = {"name": "night", "hours": "00:00-24:00", "targets": ["dave"], "mode": "sequential"}
    async with ringing(FakeNetwork(), tmp_path, list=[night]) as bell:
        call = placed(bell, await bell.doorbell.press("front"))
        assert call.targets == ("dave",)


async def test_press_while_the_broker_is_away_calls_once_it_is_back(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with ringing(network, tmp_path) as bell, party(network, "alice") as alice:
        network.stop(forget=False)
        outcome = await bell.doorbell.press()
        assert outcome.waits
        assert bell.chimed == ["button"]
        assert (await bell.doorbell.press("back")).suppressed == "already_ringing"
        network.start()
        call = await rung(alice)
        told = await bell.heard("ring", 2)
        ring = next(each for each in told if each["button"] == "front")
        assert outcome.event is not None
        assert (ring["eventId"], ring["conversation"]) == (outcome.event.event_id, call.id)


async def test_press_is_told_as_offline_where_the_broker_comes_back_late(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with ringing(network, tmp_path, ring_time="1s") as bell:
        network.stop(forget=False)
        assert (await bell.doorbell.press()).waits
        await until(lambda: not bell.doorbell.waiting)
        network.start()
        assert (await bell.heard("ring"))[0]["suppressed"] == "offline"
        assert not said(network, UID, "alice")


async def test_door_that_opens_ends_the_ring_everywhere(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with ringing(network, tmp_path) as bell, party(network, "alice") as alice:
        await bell.doorbell.press()
        at_alice = await rung(alice)
        bell.doorbell.door_opened()
        assert await closed_with(at_alice) is CloseReason.ANSWERED_ELSEWHERE
        await until(lambda: not bell.doorbell.waiting)
        assert bell.told("missed") == []


async def test_refusal_of_a_person_ends_the_ring_on_all_his_screens(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        ringing(network, tmp_path, targets=["alice"]) as bell,
        party(network, "alice", client_id="phone") as phone,
        party(network, "alice", client_id="tablet") as tablet,
    ):
        await bell.doorbell.press()
        on_phone, on_tablet = await rung(phone), await rung(tablet)
        await on_phone.reject("declined")
        assert await closed_with(on_tablet) is CloseReason.REJECTED
        await bell.heard("missed")


async def test_visitor_is_told_that_nobody_is_at_home_and_leaves_a_message(tmp_path: Path) -> None:
    network = FakeNetwork()
    recorded: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    settings: dict[str, Any] = {"ring_time": "1s", "reply_after": "0.1s", "nobody_home": "record"}
    async with ringing(network, tmp_path, **settings) as bell:
        bell.doorbell.ports.nobody_home = lambda: recorded
        await bell.doorbell.press()
        await until(lambda: not bell.door.client.conversations)
        assert bell.told("missed") == []
        recorded.set_result("message-1")
        assert (await bell.heard("missed"))[0]["message"] == "message-1"


async def test_ring_over_the_last_line_does_not_hold_a_second_one(tmp_path: Path) -> None:
    """A press never takes more than one line, whatever comes of it."""
    network, options = FakeNetwork(), replace(FAST, max_conversations=2)
    async with ringing(network, tmp_path, options=options, ring_time="1s") as bell:
        await bell.doorbell.press()
        assert len(bell.door.client.conversations) == 1
        await until(lambda: not bell.doorbell.waiting)
        assert not bell.door.client.conversations


def test_modes_are_those_of_a_call() -> None:
    assert {each.value for each in CallMode} == {"parallel", "sequential"}
