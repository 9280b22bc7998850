"""Candidates with `.local` names: looked up in the background, few of them, each for a while."""

from __future__ import annotations

import asyncio

from aiortc.rtcicetransport import RTCIceCandidate

from agent.webrtc.ice.hidden_candidates import ATTEMPTS, MAX_NAMES, HiddenCandidates


def named(number: int, port: int = 50_000) -> RTCIceCandidate:
    return RTCIceCandidate(1, "1", f"name-{number}.local", port, 1, "udp", "host")


class Names:
    """What is asked, how often, and whether it is known."""

    def __init__(self, *, known: bool = False, error: OSError | None = None) -> None:
        self.known, self.error = known, error
        self.asked: list[str] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.settled = asyncio.Event()
        self.hidden = HiddenCandidates(self.look_up)

    async def look_up(self, candidate: RTCIceCandidate) -> bool:
        self.asked.append(candidate.ip)
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        return self.known

    async def then(self) -> None:
        if not self.hidden.pending:
            self.settled.set()


async def test_hidden_candidates_of_a_known_name_are_asked_for_once() -> None:
    names = Names(known=True)
    names.hidden.add(named(1), names.then)
    names.hidden.add(named(1), names.then)
    assert names.hidden.pending
    await names.settled.wait()
    assert (names.asked, names.hidden.unknown, names.hidden.count) == (["name-1.local"], 0, 1)


async def test_hidden_candidates_of_an_unknown_name_are_asked_for_again() -> None:
    names = Names()
    names.hidden.add(named(1), names.then)
    await names.settled.wait()
    assert (len(names.asked), names.hidden.unknown) == (ATTEMPTS, 1)


async def test_hidden_candidates_over_the_number_are_passed_over() -> None:
    names = Names(known=True)
    for number in range(3 * MAX_NAMES):
        names.hidden.add(named(number), names.then)
    await names.settled.wait()
    assert len(names.asked) == MAX_NAMES


async def test_hidden_candidates_on_a_machine_without_multicast_are_given_up() -> None:
    names = Names(error=OSError("Network is unreachable"))
    names.hidden.add(named(1), names.then)
    await names.settled.wait()
    assert (len(names.asked), names.hidden.unknown) == (1, 1)


async def test_hidden_candidates_closed_meanwhile_are_not_waited_for() -> None:
    names = Names()
    names.answers.clear()
    names.hidden.add(named(1), names.then)
    while not names.asked:  # noqa: ASYNC110 - a task of its own
        await asyncio.sleep(0)
    await names.hidden.close()
    assert not names.settled.is_set()
