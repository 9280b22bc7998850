"""The pace of connectivity checks: a pair every 20 ms, and nobody waits for a turn that is of no
use any more.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aioice
import aioice.ice
import pytest

from agent.core.call.events import PeerConnected
from agent.webrtc.internals import connectivity_checks, use_host_addresses
from agent.webrtc.internals.datagram_guard import guard_of
from tests.webrtc.pairs import Side, closing, until
from tests.webrtc.strangers import LOOPBACK

pytestmark = pytest.mark.media

_State = aioice.ice.CandidatePair.State


class Sleepless:
    """asyncio, for aioice; what it sleeps for does not come."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, _seconds: float) -> None:
        await asyncio.Event().wait()


async def test_check_pace_holds_up_no_connection_that_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """aioice would look at the outcome when the next pair has its turn."""
    monkeypatch.setattr(aioice.ice, "asyncio", Sleepless())
    monkeypatch.setattr(connectivity_checks, "NEXT_PAIR", 3600.0)
    caller, device = Side(ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(caller, device):
        offer = await caller.peer.create_offer()
        await caller.peer.apply_answer(await device.peer.create_answer(offer))
        await caller.event(PeerConnected)
        await device.event(PeerConnected)


class Unanswered:
    """A connection whose checks are only noted."""

    def __init__(self) -> None:
        self.checked: list[str] = []
        self.ice = aioice.ice.Connection(ice_controlling=True)
        self.ice.remote_username, self.ice.remote_password = "user", "password"
        self.ice.check_start_task = self._note  # type: ignore[method-assign]
        use_host_addresses(self.ice, lambda: ["127.0.0.1"])

    def _note(self, pair: aioice.ice.CandidatePair) -> None:
        self.checked.append(pair.remote_addr[0])
        pair.state = _State.IN_PROGRESS

    async def learn(self, host: str) -> None:
        await self.ice.add_remote_candidate(aioice.Candidate("1", 1, "udp", 1, host, 4000, "host"))

    async def connect(self) -> asyncio.Task[None]:
        await self.ice.gather_candidates()
        return asyncio.create_task(self.ice.connect())

    async def end(self, connecting: asyncio.Task[None]) -> None:
        await self.ice.close()
        with pytest.raises(ConnectionError):
            await connecting


async def test_check_pace_gives_each_pair_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "asyncio", Sleepless())
    known = Unanswered()
    hosts = ["127.0.0.7", "127.0.0.8", "127.0.0.9"]
    for host in hosts:
        await known.learn(host)
    connecting = await known.connect()
    await until(lambda: len(known.checked) == len(hosts))
    # another one may come for as long as their end has not been told
    await known.learn("127.0.0.10")
    await until(lambda: len(known.checked) == len(hosts) + 1)
    assert known.checked == [*hosts, "127.0.0.10"]
    await known.end(connecting)


async def test_check_pace_without_a_pair_waits_for_the_first() -> None:
    known = Unanswered()
    connecting = await known.connect()
    await asyncio.sleep(0)
    assert not connecting.done()
    await known.learn("127.0.0.7")
    await until(lambda: known.checked == ["127.0.0.7"])
    await known.end(connecting)


async def test_check_pace_ends_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectivity_checks, "NEXT_PAIR", 0.0)
    known = Unanswered()
    await known.learn("127.0.0.7")
    connecting = await known.connect()
    checks, goes_on = guard_of(known.ice).checks, list[bool]()
    check_next = checks._check_next

    def noted() -> bool:
        goes_on.append(check_next())
        return goes_on[-1]

    monkeypatch.setattr(checks, "_check_next", noted)
    await until(lambda: len(goes_on) > 5)
    await known.end(connecting)
    await until(lambda: not goes_on[-1])
    turns = len(goes_on)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(goes_on) == turns
