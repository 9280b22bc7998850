"""Candidates that wait, and their count."""

from __future__ import annotations

import pytest

from agent.core.call.candidates import Candidates
from agent.core.call.inputs import CandidateReceived
from agent.core.call.machine import Refused
from agent.core.call.values import IceCandidate
from tests.core.call.calls import CALLER, PARTY, candidate


def received(number: int) -> CandidateReceived:
    return CandidateReceived(CALLER, PARTY, candidate(number))


def test_candidates_are_held_in_their_order_and_given_out_once() -> None:
    candidates = Candidates()
    candidates.hold(received(1), 40)
    candidates.hold(received(2), 40)
    assert candidates.release_early() == [received(1), received(2)]
    assert candidates.release_early() == []
    candidates.found.append(None)
    assert candidates.release_found() == [None]
    assert candidates.release_found() == []


def test_candidates_beyond_the_limit_are_refused() -> None:
    candidates = Candidates()
    candidates.hold(received(1), 2)
    candidates.take(received(2), 2)
    with pytest.raises(Refused, match="more than 2 candidates"):
        candidates.hold(received(3), 2)
    assert (candidates.count, candidates.early) == (2, [received(1)])


def test_candidates_are_counted_for_each_of_three_sections() -> None:
    """Callers that do not bundle send the same for sound, picture and data."""
    candidates = Candidates()
    for section in range(3):
        candidates.take(in_section(str(section), section), 2)
        candidates.take(in_section(None, section), 2)
    assert candidates.count == 6
    for event in (in_section("0", 0), in_section("more", None), in_section(None, None)):
        with pytest.raises(Refused):
            candidates.take(event, 2)


def in_section(mid: str | None, index: int | None) -> CandidateReceived:
    return CandidateReceived(CALLER, PARTY, IceCandidate(candidate().candidate, mid, index))


@pytest.mark.parametrize("end", [None, IceCandidate("", "0", 0)])
def test_candidates_ends_count_by_themselves(end: IceCandidate | None) -> None:
    candidates, said = Candidates(), CandidateReceived(CALLER, PARTY, end)
    candidates.take(said, 2)
    candidates.take(said, 2)
    assert candidates.count == 0
    with pytest.raises(Refused):
        candidates.take(said, 2)


def test_candidates_of_no_use_are_refused_and_cost_nothing() -> None:
    candidates = Candidates()
    for _ in range(100):
        with pytest.raises(Refused):
            candidates.hold(CandidateReceived(CALLER, PARTY, candidate(1), usable=False), 2)
    assert (candidates.count, candidates.early) == (0, [])


def test_candidates_of_another_conversation_are_counted_anew() -> None:
    candidates = Candidates()
    candidates.hold(received(1), 1)
    candidates.begin_anew()
    candidates.hold(received(2), 1)
    assert candidates.early == [received(2)]
