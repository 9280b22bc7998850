"""Whom an outgoing call invites, and what they have answered."""

from __future__ import annotations

import pytest

from agent.core.call.effects import SendClose
from agent.core.call.machine import Refused
from agent.core.call.reasons import CallMode, CallStatus, CloseReason
from agent.core.call.targets import MAX_RINGING, Target, Targets


def uids(targets: list[Target]) -> list[str]:
    return [target.uid for target in targets]


def test_targets_are_named_once_each_in_order() -> None:
    assert uids([*Targets(["b", "a", "b"], CallMode.PARALLEL)]) == ["b", "a"]
    with pytest.raises(ValueError, match="at least one"):
        Targets([], CallMode.PARALLEL)


@pytest.mark.parametrize(
    ("mode", "first"), [(CallMode.PARALLEL, ["a", "b"]), (CallMode.SEQUENTIAL, ["a"])]
)
def test_targets_first_are_all_or_the_first(mode: CallMode, first: list[str]) -> None:
    assert uids(Targets(["a", "b"], mode).first) == first


def test_targets_in_turn_follow_each_other() -> None:
    targets = Targets(["a", "b", "c"], CallMode.SEQUENTIAL)
    targets[0].invited = True
    assert (uids(targets.waiting), uids(targets.following)) == (["a"], ["b"])
    targets[0].answer(CallStatus.BUSY, "busy")
    assert uids(targets.waiting) == []
    with pytest.raises(Refused, match="a has answered"):
        targets[0].require_unanswered()


def test_targets_that_were_not_invited_have_no_say() -> None:
    targets = Targets(["a", "b"], CallMode.SEQUENTIAL)
    targets[0].invited = True
    assert targets.invited("a") is targets[0]
    for uid in ("b", "mallory"):
        with pytest.raises(Refused, match="was not invited"):
            targets.invited(uid)


def test_targets_that_wait_are_withdrawn() -> None:
    targets = Targets(["a", "b", "c"], CallMode.PARALLEL)
    for target in targets:
        target.invited = True
    targets[1].answer(CallStatus.REJECTED, "no")
    reason = CloseReason.ANSWERED_ELSEWHERE
    assert targets.withdraw(reason) == [SendClose("a", reason), SendClose("c", reason)]
    assert targets.withdraw(reason, but="c") == [SendClose("a", reason)]


@pytest.mark.parametrize(
    ("answers", "speaks"),
    [
        ("REJECTED BUSY", "BUSY"),
        ("BUSY TIMEOUT REJECTED", "TIMEOUT"),
        ("REJECTED REJECTED", "REJECTED"),
    ],
)
def test_targets_outcome_is_the_refusal_that_leaves_most_hope(answers: str, speaks: str) -> None:
    statuses = [CallStatus(word) for word in answers.split()]
    targets = Targets([f"t{number}" for number in range(len(statuses))], CallMode.PARALLEL)
    for number, (target, status) in enumerate(zip(targets, statuses, strict=True)):
        target.answer(status, f"reason {number}")
    assert targets.outcome.status == speaks
    assert targets.outcome.reason == f"reason {answers.split().index(speaks)}"


def test_target_rings_at_so_many_parties_once_each() -> None:
    target = Target("a")
    for number in range(MAX_RINGING):
        target.ring(f"p{number}")
    for party in ("p0", "another"):
        with pytest.raises(Refused):
            target.ring(party)


def test_targets_are_equal_by_what_they_have_answered() -> None:
    one, other = Targets(["a"], CallMode.PARALLEL), Targets(["a"], CallMode.PARALLEL)
    assert one == other
    other[0].ring("p")
    assert one != other
