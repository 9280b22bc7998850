"""One consumer's conversation, as HTTP sees it."""

from __future__ import annotations

import pytest

from agent.core.call.reasons import CallStatus
from agent.core.call.values import IceCandidate
from agent.pull.pull_session import (
    MAX_CANDIDATES,
    MAX_MESSAGES,
    Complaint,
    PullRefused,
    PullSession,
    SessionEnded,
)


def session() -> PullSession:
    return PullSession("c", "p", "frigate", "v=0\r\na=ice-ufrag:theirs\r\n")


async def test_answer_without_servers_to_ask_is_complete() -> None:
    one, other = session(), session()
    one.accepted("v=0\r\na=end-of-candidates\r\n")
    other.accepted("v=0\r\n")
    assert one.gathered.is_set()
    assert not other.gathered.is_set()
    other.found(None)
    assert other.gathered.is_set()
    assert one.remote_ufrag == "theirs"


async def test_what_follows_comes_in_order_and_the_end_last() -> None:
    one = session()
    candidate = IceCandidate("candidate:1")
    one.found(candidate)
    one.complain("busy", "no line is free")
    one.end("user_hangup")
    one.found(IceCandidate("candidate:2"))
    one.end("other")
    said = [await one.next() for _ in range(3)]
    assert said == [candidate, Complaint("busy", "no line is free"), SessionEnded("user_hangup")]


async def test_end_is_told_though_nobody_reads() -> None:
    one = session()
    for number in range(2 * MAX_MESSAGES):
        one.complain("x", str(number))
        one.found(IceCandidate(f"candidate:{number}"))
    assert len(one.candidates) == MAX_CANDIDATES
    one.end("shutdown")
    said = [await one.next() for _ in range(MAX_MESSAGES)]
    assert said[-1] == SessionEnded("shutdown")


async def test_refusal_is_the_answer() -> None:
    one = session()
    one.refused(PullRefused("not_allowed", CallStatus.REJECTED))
    with pytest.raises(PullRefused) as caught:
        await one.answer
    assert caught.value.code == "not_allowed"
    assert one.ended
