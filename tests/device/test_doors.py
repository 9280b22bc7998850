"""Nobody opens who must not: every way to ask for a door (PROTOCOL 2, 3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason
from agent.core.policy.override import PolicyOverride
from agent.signaling.protocol import messages as wire
from tests.device.door_scene import CALL, LOWEST, OTHER, Scene, answer, ring_out, scene
from tests.parties import NOW
from tests.waiting import until

Way = Callable[[Scene], Awaitable[str]]


async def before_a_call(at: Scene) -> str:
    return await at.ask()


async def while_it_rings(at: Scene) -> str:
    await at.invite("ringer")
    return await at.ask("ringer")


async def once_it_was_answered(at: Scene) -> str:
    await at.invite("ringer")
    await at.door.actions.accept()
    return await at.ask("ringer")


async def in_a_call(at: Scene) -> str:
    await at.invite()
    return await at.ask()


def after_a_call(seconds: float, reason: CloseReason = CloseReason.USER_HANGUP) -> Way:
    async def way(at: Scene) -> str:
        await at.invite()
        await at.hang_up(reason)
        at.clock.now += seconds
        return await at.ask()

    return way


async def after_the_remote_hung_up(at: Scene) -> str:
    await at.invite()
    at.say("alice", type="close", conversation=CALL, party="phone", reason="user_hangup")
    await until(lambda: not at.door.client.conversations)
    return await at.ask()


async def another_party_of_the_uid(at: Scene) -> str:
    await at.invite()
    return await at.ask(party="tablet")


async def another_party_afterwards(at: Scene) -> str:
    await at.invite()
    await at.hang_up()
    return await at.ask(party="tablet")


async def another_uid(at: Scene) -> str:
    await at.invite()
    return await at.ask("bob")


async def another_conversation(at: Scene) -> str:
    await at.invite()
    return await at.ask(call=OTHER)


async def a_view(at: Scene) -> str:
    await at.invite(purpose="view")
    return await at.ask()


async def after_a_view(at: Scene) -> str:
    await at.invite(purpose="view")
    await at.hang_up()
    return await at.ask()


async def a_rule_without_open(at: Scene) -> str:
    await at.invite("post")
    return await at.ask("post")


async def who_was_rejected(at: Scene) -> str:
    await at.invite("stranger")
    return await at.ask("stranger")


def undated(at: float | None) -> Way:
    async def way(scene: Scene) -> str:
        await scene.invite()
        if at is None:
            return await scene.ask(issuedAt=None)
        return await scene.ask(issuedAt=wire.format_time(NOW + at))

    return way


def named(output: str, code: str | None = None) -> Way:
    async def way(at: Scene) -> str:
        await at.invite()
        return await at.ask(output=output, **({} if code is None else {"code": code}))

    return way


async def under_an_override(at: Scene) -> str:
    at.door.screening.override(PolicyOverride.model_validate({"action": "accept"}))
    await at.invite()
    return await at.ask()


async def let_in_by_an_override_alone(at: Scene) -> str:
    at.door.screening.override(PolicyOverride.model_validate({"action": "accept"}))
    await at.invite("stranger")
    return await at.ask("stranger")


def called_by_the_device(uid: str, party: str = "phone") -> Way:
    async def way(at: Scene) -> str:
        conversation = await ring_out(at, uid, "carol")
        answer(at, conversation, uid)
        await until(lambda: conversation.call_status is CallStatus.ACCEPTED)
        return await at.ask(uid, party, call=conversation.id)

    return way


def after_a_call_of_the_device(seconds: float) -> Way:
    async def way(at: Scene) -> str:
        conversation = await ring_out(at, "alice", "carol")
        answer(at, conversation, "alice")
        await until(lambda: conversation.call_status is CallStatus.ACCEPTED)
        await at.hang_up()
        at.clock.now += seconds
        return await at.ask(call=conversation.id)

    return way


async def rung_and_not_answered(at: Scene) -> str:
    conversation = await ring_out(at, "alice", "carol")
    return await at.ask(call=conversation.id)


async def rung_and_another_one_answered(at: Scene) -> str:
    conversation = await ring_out(at, "alice", "bob")
    answer(at, conversation, "bob")
    await until(lambda: conversation.call_status is CallStatus.ACCEPTED)
    return await at.ask("alice", call=conversation.id)


async def crossed_and_gave_way(at: Scene) -> str:
    own = await ring_out(at, "alice")
    await at.invite(call=LOWEST)
    await until(lambda: own.state is State.CLOSED)
    assert own.record is not None
    assert own.record.reason is CloseReason.ANSWERED_ELSEWHERE
    return await at.ask(call=own.id)


async def crossed_and_stayed(at: Scene) -> str:
    await ring_out(at, "alice")
    await at.invite(call=LOWEST)
    return await at.ask(call=LOWEST)


async def while_the_clock_is_not_set(at: Scene) -> str:
    await at.invite()
    at.wall[0] = 1000.0
    return await at.ask(issuedAt=wire.format_time(NOW))


TABLE: dict[str, tuple[Way, str]] = {
    "before a call": (before_a_call, "not_allowed"),
    "while it rings": (while_it_rings, "not_allowed"),
    "once a person has answered": (once_it_was_answered, "opened"),
    "in a call": (in_a_call, "opened"),
    "29 s after a call": (after_a_call(29.0), "opened"),
    "31 s after a call": (after_a_call(31.0), "not_allowed"),
    "after the remote peer hung up": (after_the_remote_hung_up, "opened"),
    "after privacy": (after_a_call(1.0, CloseReason.PRIVACY_MODE), "not_allowed"),
    "after it was replaced": (after_a_call(1.0, CloseReason.REPLACED), "not_allowed"),
    "another party of the same uid": (another_party_of_the_uid, "not_allowed"),
    "another party afterwards": (another_party_afterwards, "not_allowed"),
    "another uid": (another_uid, "not_allowed"),
    "another conversation": (another_conversation, "not_allowed"),
    "a view": (a_view, "not_allowed"),
    "after a view": (after_a_view, "not_allowed"),
    "a rule without open": (a_rule_without_open, "not_allowed"),
    "who was rejected": (who_was_rejected, "not_allowed"),
    "without a date": (undated(None), "invalid"),
    "late": (undated(-10.1), "stale"),
    "from the future": (undated(10.1), "stale"),
    "just in time": (undated(-9.9), "opened"),
    "while the clock is not set": (while_the_clock_is_not_set, "clock_unset"),
    "a door that there is not": (named("cellar"), "no_such_output"),
    "a lamp": (named("lamp"), "no_such_output"),
    "the right code": (named("gate", "4711"), "opened"),
    "a wrong code": (named("gate", "4712"), "wrong_code"),
    "without the code": (named("gate"), "wrong_code"),
    "under an override, by a rule that opens": (under_an_override, "opened"),
    "let in by an override alone": (let_in_by_an_override_alone, "not_allowed"),
    "called by the device": (called_by_the_device("alice"), "opened"),
    "called by the device, a rule without": (called_by_the_device("post"), "not_allowed"),
    "called by the device, no rule": (called_by_the_device("carla"), "not_allowed"),
    "called by the device, other party": (called_by_the_device("bob", "tablet"), "not_allowed"),
    "29 s after a call of the device": (after_a_call_of_the_device(29.0), "opened"),
    "31 s after a call of the device": (after_a_call_of_the_device(31.0), "not_allowed"),
    "rung and not answered": (rung_and_not_answered, "not_allowed"),
    "rung, and another one answered": (rung_and_another_one_answered, "not_allowed"),
    "crossed, and gave way": (crossed_and_gave_way, "not_allowed"),
    "crossed, and stayed": (crossed_and_stayed, "opened"),
}


@pytest.mark.parametrize("way", TABLE)
async def test_doors_open_for_nobody_who_must_not(tmp_path: Path, way: str) -> None:
    act, expected = TABLE[way]
    async with scene(tmp_path) as at:
        assert await act(at) == expected
        opens = expected == "opened"
        assert len(await at.releases()) == opens
        outputs = at.door.door.outputs
        assert (outputs.is_on("door") or outputs.is_on("gate")) is opens
        told = {each["code"] for each in await at.refusals()}
        assert told == (set() if opens or expected == "invalid" else {expected})
