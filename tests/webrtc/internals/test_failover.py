"""Another pair of candidates for a call whose own is dead."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import aioice
import aioice.ice
import pytest

from agent.core.call.events import FirstFrameSeen, PeerHeard, PeerSilent
from agent.ports import IceOptions, LocalStream
from agent.webrtc.internals import consent, failover
from agent.webrtc.internals.datagram_guard import guard_of
from agent.webrtc.internals.failover import spares_of
from tests.webrtc.feeds import ClipFeed, MemorySink
from tests.webrtc.pairs import Hole, Side, closing, connect, until

pytestmark = pytest.mark.media

TWO = IceOptions(host_addresses=("127.0.0.1", "127.0.0.2"))

_State = aioice.ice.CandidatePair.State
# our end, and the other
Path = tuple[tuple[str, int], tuple[str, int]]


class Call:
    """A device that sends pictures to a caller, with four pairs between them."""

    def __init__(self, clip: list[bytes]) -> None:
        self.feed, self.sink = ClipFeed(clip), MemorySink()
        self.device = Side(LocalStream(self.feed), ice=TWO)
        self.caller = Side(ice=TWO, sink=self.sink)

    async def connect(self, *, placed_by: Side) -> None:
        callee = self.caller if placed_by is self.device else self.device
        await connect(placed_by, callee)
        await self.device.event(FirstFrameSeen)
        await self.sink.seen(video=5)
        for side in (self.device, self.caller):
            watch = watch_of(side)
            # else it may be a long way
            await until(lambda watch=watch: watch.round_trip_time is not None)  # type: ignore[misc]

    async def pictures_go_on(self) -> None:
        await self.sink.seen(video=len(self.sink.video) + 20)


def ice_of(side: Side) -> aioice.ice.Connection:
    return side.peer._pc.require_ice()


def watch_of(side: Side) -> consent.ConsentWatch:
    watch = side.peer._consent
    assert watch is not None
    return watch


def path_of(side: Side) -> Path:
    pair = ice_of(side)._nominated[1]
    return pair.local_addr, pair.remote_addr


def stay(side: Side) -> None:
    """It moves to no other pair by itself."""
    vars(watch_of(side)._failover)["want"] = lambda _: None


def stay_as_chromium(side: Side) -> None:
    """The same for a controlling side, which in its first seconds nominates none that it is asked
    over; aioice does.
    """
    stay(side)
    vars(ice_of(side))["check_start_task"] = lambda _: None


class Severed:
    """Nothing that comes to `side` from the other end of its path arrives, whatever socket it comes
    to, until `end()`.
    """

    def __init__(self, side: Side) -> None:
        _, self._other_end = path_of(side)
        self._protocols = list(ice_of(side)._protocols)
        for protocol in self._protocols:
            vars(protocol)["datagram_received"] = self._filtered(protocol.datagram_received)

    def _filtered(self, receive: Any) -> Any:
        def received(data: bytes, address: tuple[Any, ...]) -> None:
            if address[:2] != self._other_end:
                receive(data, address)

        return received

    def end(self) -> None:
        for protocol in self._protocols:
            del vars(protocol)["datagram_received"]


@pytest.fixture(autouse=True)
def hastened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "CONSENT_INTERVAL", 0.2)
    monkeypatch.setattr(consent, "LISTENING", 0.05)
    monkeypatch.setattr(consent, "DOUBT", 0.4)
    monkeypatch.setattr(consent, "DEAD", 0.8)


async def test_failover_leaves_a_pair_that_is_not_answered(clip: list[bytes]) -> None:
    """The controlled side; the remote peer stays where it is."""
    call = Call(clip)
    async with closing(call.device, call.caller):
        await call.connect(placed_by=call.caller)
        stay_as_chromium(call.caller)
        before, asked = path_of(call.device), call.feed.subscriptions[0].keyframe_requests
        severed = [Severed(call.device), Severed(call.caller)]
        await until(lambda: path_of(call.device) != before)
        await call.pictures_go_on()
        assert call.feed.subscriptions[0].keyframe_requests > asked
        for each in severed:
            each.end()


async def test_failover_of_the_controlling_side_takes_the_other_along(clip: list[bytes]) -> None:
    call = Call(clip)
    async with closing(call.device, call.caller):
        await call.connect(placed_by=call.device)
        stay(call.caller)
        before = path_of(call.caller)
        severed = [Severed(call.device), Severed(call.caller)]
        await until(lambda: path_of(call.caller) != before)
        await until(lambda: path_of(call.caller) == path_of(call.device)[::-1])
        await call.pictures_go_on()
        for each in severed:
            each.end()


async def test_failover_counts_a_nomination_by_the_remote_peer_meanwhile(clip: list[bytes]) -> None:
    """What aioice follows by itself needs a key frame as well."""
    call = Call(clip)
    async with closing(call.device, call.caller):
        await call.connect(placed_by=call.caller)
        stay_as_chromium(call.caller)
        before, asked = path_of(call.device), call.feed.subscriptions[0].keyframe_requests
        checks = guard_of(ice_of(call.device)).checks

        async def nothing_answered(pairs: list[aioice.ice.CandidatePair], *_: Any) -> None:
            other = next(pair for pair in pairs if pair.local_addr != before[0])
            ice_of(call.device)._nominated[1] = other

        checks.best_answered = nothing_answered  # type: ignore[method-assign, assignment]
        severed = Severed(call.caller)
        await call.pictures_go_on()
        assert path_of(call.device) != before
        assert call.feed.subscriptions[0].keyframe_requests > asked
        severed.end()


async def test_failover_of_a_path_that_is_dead_in_our_direction_alone(clip: list[bytes]) -> None:
    """What the remote peer sends arrives all the while, and what it nominates is followed once it
    is answered.
    """
    call = Call(clip)
    async with closing(call.device, call.caller):
        await call.connect(placed_by=call.caller)
        stay_as_chromium(call.caller)
        before = path_of(call.device)
        severed = Severed(call.caller)
        await until(lambda: path_of(call.device) != before)
        await call.pictures_go_on()
        nominate(call.caller, before[::-1])
        await call.pictures_go_on()
        assert path_of(call.device) != before
        severed.end()
        nominate(call.caller, before[::-1])
        await until(lambda: path_of(call.device) == before)


def nominate(side: Side, path: Path) -> None:
    ice = ice_of(side)
    (pair,) = (each for each in ice._check_list if (each.local_addr, each.remote_addr) == path)
    request = ice.build_request(pair, nominate=True)
    assert ice.remote_password is not None
    request.add_message_integrity(ice.remote_password.encode())
    pair.protocol.send_stun(request, pair.remote_addr)


async def test_failover_tells_of_a_remote_peer_that_does_not_follow(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends into the dead path: a fresh transport is offered before it notices."""
    monkeypatch.setattr(consent, "SILENCE", 3600.0)
    call = Call(clip)
    async with closing(call.device, call.caller):
        await call.connect(placed_by=call.caller)
        stay_as_chromium(call.caller)
        severed = [Severed(call.device), Severed(call.caller)]
        await call.device.event(PeerSilent)
        await call.device.event(PeerHeard)
        await call.pictures_go_on()
        for each in severed:
            each.end()
        assert len(call.device.of(PeerSilent)) == 1


async def test_failover_keeps_the_path_where_nothing_is_answered(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hole in what all paths share ends for all of them: nobody moves."""
    monkeypatch.setattr(consent, "SILENCE", 2.0)
    monkeypatch.setattr(failover, "GRACE", 0.5)
    call = Call(clip)
    async with closing(call.device, call.caller):
        await call.connect(placed_by=call.caller)
        stay_as_chromium(call.caller)
        before = path_of(call.device)
        hole = Hole(call.caller.peer)
        await call.device.event(PeerSilent)
        hole.end()
        await call.device.event(PeerHeard)
        await call.pictures_go_on()
        assert path_of(call.device) == before


class Socket:
    """Of a local candidate."""

    def __init__(self, kind: str, host: str, *, closing: bool = False) -> None:
        self.local_candidate = aioice.Candidate("1", 1, "udp", 1, host, 5000, kind)
        self.transport = self
        self._closing = closing

    def is_closing(self) -> bool:
        return self._closing


async def test_failover_knows_every_pair_but_the_one_in_use() -> None:
    """Also those that aioice has dropped; none with a closed socket, and none that would tell a
    relay whose address is behind a name.
    """
    ice = aioice.ice.Connection(ice_controlling=False)
    sockets = [
        Socket("host", "192.0.2.1"),
        Socket("host", "2001:db8::1"),
        Socket("relay", "192.0.2.3"),
        Socket("host", "192.0.2.4", closing=True),
    ]
    ice._protocols = cast("list[aioice.ice.StunProtocol]", sockets)
    for host in ("192.0.2.9", "2001:db8::9"):
        await ice.add_remote_candidate(aioice.Candidate("1", 1, "udp", 1, host, 4000, "host"))
    named = aioice.Candidate("1", 1, "udp", 1, "7f00.local", 4001, "host")
    ice._add_remote_candidate(named, "192.0.2.10")
    (used,) = (pair for pair in ice._check_list if pair.local_addr[0] == "192.0.2.3")
    ice._nominated[1] = used
    checked = next(pair for pair in ice._check_list if pair is not used)
    ice._check_list = [used, checked]
    spares = list(spares_of(ice))
    assert checked in spares
    assert {(pair.local_addr[0], pair.remote_addr[0]) for pair in spares} == {
        ("192.0.2.1", "192.0.2.9"),
        ("192.0.2.1", "192.0.2.10"),
        ("2001:db8::1", "2001:db8::9"),
    }


async def test_failover_tries_the_best_first_and_asks_the_path_in_use_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ice = aioice.ice.Connection(ice_controlling=False)
    ice._protocols = cast("list[aioice.ice.StunProtocol]", [Socket("host", "192.0.2.1")])
    ice.remote_password = "password"
    for number, priority in enumerate((1, 3, 2)):
        candidate = aioice.Candidate("1", 1, "udp", priority, f"192.0.2.{9 + number}", 1, "host")
        await ice.add_remote_candidate(candidate)
    used, best, worst = ice._check_list[1], ice._check_list[0], ice._check_list[2]
    ice._nominated[1] = used
    arrived: list[None] = []
    tried = failover.Failover(ice, lambda: len(arrived), lambda: tried.want(False))
    rounds: list[list[aioice.ice.CandidatePair]] = []
    answers = [None, used, best, worst]

    async def answered(pairs: list[aioice.ice.CandidatePair], *_: Any) -> Any:
        rounds.append(pairs)
        if answers[0] is best:
            # a report names what went over the path in use
            arrived.append(None)
        return answers.pop(0)

    monkeypatch.setattr(guard_of(ice).checks, "best_answered", answered)
    monkeypatch.setattr(failover, "PAUSE", 0.0)
    task = asyncio.create_task(tried.run())
    try:
        await asyncio.sleep(0)
        assert rounds == []
        tried.want(True)
        await until(lambda: tried.moved)
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert rounds == [[used, best, worst]] * 4
    assert ice._nominated[1] is worst
    assert (used.state, worst.state) == (_State.FAILED, _State.SUCCEEDED)
    assert tried.moved
