"""What a device sends to addresses that others name: little, and never more than three for one."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any, cast

import aioice
import aioice.ice
import aioice.stun
import pytest

from agent.core.call.events import IceCandidate, PeerConnected, PeerLost
from agent.ports import IceOptions, LocalStream
from agent.webrtc.internals import REFUSED, Refusal, connectivity_checks
from agent.webrtc.internals.connectivity_checks import (
    ATTEMPTS,
    MAX_PAIRS,
    MAX_PEER_REFLEXIVE,
    PAUSES,
    TRIGGERED,
)
from agent.webrtc.internals.datagram_guard import guard_of
from tests.webrtc.feeds import ClipFeed
from tests.webrtc.offers import BROWSER_OFFER, candidate_line
from tests.webrtc.pairs import Side, closing, connect, until
from tests.webrtc.strangers import LOOPBACK, check_of, port_of, received_by, stranger

pytestmark = pytest.mark.media

KEY = b"key"
PEER = ("192.0.2.9", 4000)


class Wire:
    """A socket that only counts, and answers when it is told to."""

    def __init__(self) -> None:
        self.transactions: dict[bytes, Any] = {}
        self.sent_at: list[float] = []
        self.requests: list[aioice.stun.Message] = []
        self.local_candidate = aioice.Candidate("1", 1, "udp", 1, "192.0.2.1", 5000, "host")

    def send_stun(self, message: aioice.stun.Message, addr: tuple[str, int]) -> None:
        assert addr == PEER
        self.sent_at.append(time.monotonic())
        self.requests.append(message)

    @property
    def sent(self) -> int:
        return len(self.requests)

    def answer(
        self, kind: aioice.stun.Class = aioice.stun.Class.RESPONSE, key: bytes = KEY, to: int = -1
    ) -> None:
        request = self.requests[to]
        response = aioice.stun.Message(
            aioice.stun.Method.BINDING, kind, transaction_id=request.transaction_id
        )
        response.add_message_integrity(key)
        self.transactions[request.transaction_id].response_received(response, PEER)


class Checking:
    """The checks of a connection that knows one remote candidate."""

    def __init__(self, ice: aioice.ice.Connection) -> None:
        self.ice, self.wire = ice, Wire()
        self.checks = guard_of(ice).checks

    def ask(self) -> asyncio.Task[Any]:
        request = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
        protocol = cast("aioice.ice.StunProtocol", self.wire)
        return asyncio.create_task(self.checks.ask(protocol, request, PEER, KEY))

    def pair(self, wire: Wire) -> aioice.ice.CandidatePair:
        protocol = cast("aioice.ice.StunProtocol", wire)
        return aioice.ice.CandidatePair(protocol, self.ice._remote_candidates[0])

    def confirm(self) -> asyncio.Task[float]:
        pair = self.pair(self.wire)
        self.ice.remote_username, self.ice.remote_password = "u", "p"
        return asyncio.create_task(self.checks.confirm(pair, KEY))

    def hear(self, address: tuple[str, int] = PEER) -> None:
        """A check of the remote peer."""
        request = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
        request.attributes["PRIORITY"] = 1
        self.checks._checked(request, address, cast("aioice.ice.StunProtocol", self.wire))


@pytest.fixture
async def checking(monkeypatch: pytest.MonkeyPatch) -> Checking:
    monkeypatch.setattr(connectivity_checks, "PAUSES", (0.001,))
    ice = aioice.ice.Connection(ice_controlling=False)
    monkeypatch.setattr(ice, "check_start_task", lambda _pair: None)
    await ice.add_remote_candidate(aioice.Candidate("1", 1, "udp", 1, *PEER, "host"))
    return Checking(ice)


async def test_connectivity_checks_without_an_answer_are_seven(checking: Checking) -> None:
    for _ in range(2):
        with pytest.raises(aioice.stun.TransactionTimeout):
            await checking.ask()
        # another attempt at the same pair is no fresh start
        assert checking.wire.sent == ATTEMPTS
    assert checking.wire.transactions == {}


async def test_connectivity_checks_after_one_of_the_remote_peer_are_two_more(
    checking: Checking,
) -> None:
    with pytest.raises(aioice.stun.TransactionTimeout):
        await checking.ask()
    checking.hear()
    with pytest.raises(aioice.stun.TransactionTimeout):
        await checking.ask()
    assert checking.wire.sent == ATTEMPTS + TRIGGERED


async def test_connectivity_checks_are_hastened_by_one_of_the_remote_peer(
    checking: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 8445 7.3.1.4: after a hole nobody waits for the next one to be due."""
    monkeypatch.setattr(connectivity_checks, "PAUSES", (3600.0,))
    asked = checking.ask()
    await until(lambda: checking.wire.sent == 1)
    checking.hear()
    await until(lambda: checking.wire.sent == 2)
    checking.wire.answer()
    assert (await asked)[1] == PEER


async def test_connectivity_checks_take_no_answer_without_the_password(
    checking: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectivity_checks, "PAUSES", (3600.0,))
    asked = checking.ask()
    await until(lambda: checking.wire.sent > 0)
    checking.wire.answer(key=b"another")
    await asyncio.sleep(0)
    assert not asked.done()
    checking.wire.answer()
    await asked


async def test_connectivity_checks_of_a_peer_that_answers_are_not_used_up(
    checking: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectivity_checks, "PAUSES", (3600.0,))
    for kind in [aioice.stun.Class.RESPONSE, aioice.stun.Class.ERROR] * ATTEMPTS:
        sent = checking.wire.sent
        asked = checking.ask()
        await until(lambda: checking.wire.sent > sent)  # noqa: B023 - awaited before the next
        checking.wire.answer(kind)
        if kind is aioice.stun.Class.ERROR:
            with pytest.raises(aioice.stun.TransactionFailed):
                await asked
        else:
            await asked


async def test_consent_is_measured_from_the_request_that_was_answered(
    checking: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was lost on its way is no part of the round trip (Karn)."""
    monkeypatch.setattr(connectivity_checks, "CONSENT_PAUSES", (0.05, 3600.0))
    confirmed = checking.confirm()
    await until(lambda: checking.wire.sent == 2)
    first, second = checking.wire.requests
    assert first.transaction_id != second.transaction_id
    checking.wire.answer()
    since_first = time.monotonic() - checking.wire.sent_at[0]
    assert 0 <= await confirmed <= since_first - 0.05 + 1e-6
    assert checking.wire.transactions == {}


async def test_consent_that_is_answered_late_is_measured_from_its_own_request(
    checking: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectivity_checks, "CONSENT_PAUSES", (0.05, 3600.0))
    confirmed = checking.confirm()
    await until(lambda: checking.wire.sent == 2)
    checking.wire.answer(to=0)
    assert await confirmed >= 0.05


async def test_consent_that_nobody_answers_is_asked_for_twice(
    checking: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectivity_checks, "CONSENT_PAUSES", (0.001, 0.001))
    with pytest.raises(aioice.stun.TransactionTimeout):
        await checking.confirm()
    assert checking.wire.sent == 2
    assert checking.wire.transactions == {}


class Spare(Wire):
    """One that answers at once, where it is told to, from where it says; the first `lost` checks
    are not answered.
    """

    def __init__(self, kind: aioice.stun.Class | None, at: tuple[str, int], lost: int = 0) -> None:
        super().__init__()
        self._kind, self._source, self._lost = kind, at, lost

    def send_stun(self, message: aioice.stun.Message, addr: tuple[str, int]) -> None:
        super().send_stun(message, addr)
        if self._kind is not None and self.sent > self._lost:
            response = aioice.stun.Message(
                aioice.stun.Method.BINDING, self._kind, transaction_id=message.transaction_id
            )
            response.add_message_integrity(KEY)
            self.transactions[message.transaction_id].response_received(response, self._source)


# kinds of answer, and their source
ANSWERS = aioice.stun.Class.RESPONSE, PEER
FOREIGN = aioice.stun.Class.RESPONSE, ("192.0.2.66", 1)
REFUSES = aioice.stun.Class.ERROR, PEER
SILENT = None, PEER
LATE = aioice.stun.Class.RESPONSE, PEER, 1


@pytest.mark.parametrize(
    ("kinds", "best"),
    [
        ([ANSWERS, ANSWERS], 0),
        ([SILENT, FOREIGN, REFUSES, ANSWERS], 3),
        # the better one has its time
        ([SILENT, ANSWERS, ANSWERS], 1),
        # a hole in what all of them share has ended
        ([LATE, ANSWERS], 0),
        ([SILENT, LATE], None),
        ([SILENT, SILENT], None),
    ],
)
async def test_connectivity_checks_choose_the_first_pair_that_is_answered(
    checking: Checking, kinds: list[Any], best: int | None
) -> None:
    checking.ice.remote_username = "u"
    spares = [Spare(*kind) for kind in kinds]
    pairs = [checking.pair(spare) for spare in spares]
    found = await checking.checks.best_answered(pairs, KEY, 0.5, 0.1)
    assert found is (None if best is None else pairs[best])
    assert all(spare.sent <= (spare is spares[0]) + 1 for spare in spares)
    assert all(spare.transactions == {} for spare in spares)


async def test_connectivity_checks_afford_an_answered_pair_any_number_and_others_seven(
    checking: Checking,
) -> None:
    """What is neither answered nor signaled may be a third party's."""
    checking.ice.remote_username = "u"
    answered, signaled, foreign = (checking.pair(Spare(*SILENT)) for _ in range(3))
    answered.state = aioice.ice.CandidatePair.State.SUCCEEDED
    foreign.remote_candidate = aioice.Candidate("1", 1, "udp", 1, "192.0.2.7", 7, "prflx")
    pairs = [foreign, signaled, answered]
    for number in range(ATTEMPTS + 1):
        affordable = checking.checks.affordable(pairs, 3)
        assert affordable == [answered, signaled][: 1 if number == ATTEMPTS else 2]
        await checking.checks.best_answered(affordable, KEY, 0.05, 0.0)
    assert checking.checks.affordable([signaled, answered], 1) == [answered]


def test_connectivity_checks_go_on_for_longer_than_a_transport_is_waited_for() -> None:
    assert len(PAUSES) == ATTEMPTS
    assert sum(PAUSES) > 15


async def test_connectivity_checks_with_many_pairs_are_paced(checking: Checking) -> None:
    assert checking.checks._scale() == 1.0
    checking.ice._check_list += [None] * 100  # type: ignore[list-item]
    assert checking.checks._scale() == 4.0


async def test_connectivity_checks_pair_no_more_than_a_hundred(clip: list[bytes]) -> None:
    """60 candidates, and 10 addresses of our own: the best pairs are kept (RFC 8445 6.1.2.5)."""
    addresses = tuple(f"127.0.0.{number}" for number in range(1, 11))
    ice = IceOptions(host_addresses=addresses)
    device = Side(LocalStream(ClipFeed(clip)), ice=ice)
    async with closing(device):
        await device.peer.create_answer(BROWSER_OFFER)
        for number in range(40):
            await device.peer.add_candidate(IceCandidate(candidate_line(number), "0", 0))
        assert len(device.peer._pc.require_ice()._check_list) == MAX_PAIRS


async def test_connectivity_checks_forged_from_many_ports_reflect_at_most_three_for_one(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectivity_checks, "PAUSES", (0.02,))
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    count = 200
    async with closing(device, caller):
        await connect(caller, device)
        ice = device.peer._pc.require_ice()
        running = guard_of(ice).checks._running
        with ExitStack() as stack:
            victims = [stack.enter_context(stranger()) for _ in range(count)]
            received: Counter[socket.socket] = Counter()
            for victim in victims:
                victim.sendto(check_of(device), port_of(device))

            def all_is_over() -> bool:
                for victim in victims:
                    received[victim] += received_by(victim)
                return min(received[victim] for victim in victims) > 0 and not running

            await until(all_is_over)
        assert max(received.values()) <= 1 + TRIGGERED
        assert len(ice._check_list) <= MAX_PAIRS
        assert sum(each.type == "prflx" for each in ice._remote_candidates) <= MAX_PEER_REFLEXIVE
        assert not device.of(PeerLost)


async def test_connectivity_checks_keep_few_peer_reflexive_candidates(
    checking: Checking,
) -> None:
    excess = REFUSED.of(Refusal.EXCESS)
    for number in range(MAX_PEER_REFLEXIVE + 5):
        checking.hear(("192.0.2.10", number + 1))
    assert REFUSED.of(Refusal.EXCESS) == excess + 5
    assert len(checking.ice._remote_candidates) == 1 + MAX_PEER_REFLEXIVE


async def test_connectivity_checks_of_an_address_that_moves_find_room(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A NAT that maps anew, again and again: what failed makes room for what comes."""
    monkeypatch.setattr(connectivity_checks, "PAUSES", (0.01,))
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(device, caller):
        await connect(caller, device)
        ice = device.peer._pc.require_ice()
        running = guard_of(ice).checks._running
        for _ in range(2 * MAX_PEER_REFLEXIVE):
            with stranger() as sender:
                port = sender.getsockname()[1]
                sender.sendto(check_of(device), port_of(device))
                await until(
                    lambda: any(each.port == port for each in ice._remote_candidates)  # noqa: B023
                )
                await until(lambda: not running)
        assert device.of(PeerConnected)
