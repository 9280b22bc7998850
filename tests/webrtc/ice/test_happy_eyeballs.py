"""Each address of a name is tried, and the first that answers wins."""

from __future__ import annotations

import asyncio
import errno

import pytest

from agent.webrtc.ice import happy_eyeballs
from agent.webrtc.ice.happy_eyeballs import MAX_ATTEMPTS, first_that_answers, interleaved

FOUR, OTHER_FOUR, SIX, OTHER_SIX = "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"


class Attempts:
    """Addresses that refuse, answer or hang, and what became of each attempt."""

    def __init__(self, **outcomes: object) -> None:
        self.tried: list[str] = []
        self.cancelled: list[str] = []
        self.discarded: list[str] = []
        self.outcomes: dict[str, object] = {}

    async def __call__(self, address: str) -> str:
        self.tried.append(address)
        outcome = self.outcomes[address]
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, asyncio.Event):
            try:
                await outcome.wait()
            except asyncio.CancelledError:
                self.cancelled.append(address)
                raise
        return address

    def discard(self, address: str) -> None:
        self.discarded.append(address)

    async def run(self, *addresses: str) -> str:
        return await first_that_answers(addresses, self, self.discard)


@pytest.fixture
def attempts() -> Attempts:
    return Attempts()


def test_interleaved_takes_families_by_turns() -> None:
    assert interleaved([FOUR, OTHER_FOUR, SIX, OTHER_SIX]) == [FOUR, SIX, OTHER_FOUR, OTHER_SIX]
    assert interleaved([SIX, FOUR, OTHER_FOUR]) == [SIX, FOUR, OTHER_FOUR]
    assert interleaved([]) == []
    assert len(interleaved([f"192.0.2.{number}" for number in range(20)])) == MAX_ATTEMPTS


async def test_first_that_answers_goes_on_at_once_after_a_failure(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY", 60.0)
    attempts.outcomes = {FOUR: OSError(errno.ENETUNREACH, "unreachable"), SIX: None}
    assert await attempts.run(FOUR, SIX) == SIX
    assert attempts.tried == [FOUR, SIX]


async def test_first_that_answers_waits_not_for_one_that_is_silent(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY", 0.01)
    attempts.outcomes = {FOUR: asyncio.Event(), SIX: None}
    assert await attempts.run(FOUR, SIX) == SIX
    assert attempts.cancelled == [FOUR]


async def test_first_that_answers_gives_back_what_came_too_late(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY", 0.01)
    both = asyncio.Event()
    attempts.outcomes = {FOUR: both, SIX: both}
    running = asyncio.create_task(attempts.run(FOUR, SIX))
    while len(attempts.tried) < 2:  # noqa: ASYNC110 - the second begins after a pause
        await asyncio.sleep(0.005)
    both.set()
    winner = await running
    assert [winner, *attempts.discarded] in ([FOUR, SIX], [SIX, FOUR])


async def test_first_that_answers_tells_what_the_server_said_before_a_missing_route(
    attempts: Attempts,
) -> None:
    attempts.outcomes = {
        FOUR: OSError(errno.ENETUNREACH, "unreachable"),
        SIX: ConnectionError("refused"),
    }
    with pytest.raises(ConnectionError, match="refused"):
        await attempts.run(FOUR, SIX)
    with pytest.raises(OSError, match="no address"):
        await attempts.run()


async def test_first_that_answers_when_given_up_ends_its_attempts(attempts: Attempts) -> None:
    attempts.outcomes = {FOUR: asyncio.Event()}
    running = asyncio.create_task(attempts.run(FOUR))
    while not attempts.tried:  # noqa: ASYNC110 - a task of its own
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert attempts.cancelled == [FOUR]


@pytest.mark.parametrize("steps", range(8))
async def test_first_that_answers_given_up_at_any_moment_loses_no_answer(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """Whoever made a socket for it is told, unless it was given to the caller."""
    monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY", 0.0)
    answers = asyncio.Event()
    attempts.outcomes = {FOUR: answers, SIX: asyncio.Event(), OTHER_FOUR: answers}
    running = asyncio.create_task(attempts.run(FOUR, SIX, OTHER_FOUR))
    while len(attempts.tried) < 3:  # noqa: ASYNC110 - each begins after a pause
        await asyncio.sleep(0)
    answers.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    given = [] if running.cancelled() else [running.result()]
    answered = {FOUR, OTHER_FOUR} - set(attempts.cancelled)
    assert sorted([*given, *attempts.discarded]) == sorted(answered)
