"""Connectivity checks (RFC 8445) that nobody can aim at a third party: few pairs, few attempts.

aioice keeps every peer-reflexive candidate, has no bound on its pairs, doubles its pause each time,
so that after a hole of ten seconds the next check may be eight away, does not hasten it when a
check comes in, as RFC 8445 7.3.1.4 would have it, and does not look whether it is connected before
the pause to the next check is over.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import aioice
import aioice.ice
import aioice.stun

from agent.webrtc.internals.refused_datagrams import REFUSED, Refusal

# RFC 8445 6.1.2.5
MAX_PAIRS = 100
MAX_PEER_REFLEXIVE = 8
# checks of a pair that never answered (RFC 8489 6.2.1: Rc)
ATTEMPTS = 7
# checks of ours for one that came from there: with the response 3 packets go out for one
TRIGGERED = 2
# Seconds after each check of a pair: sixteen in all, longer than a fresh transport is waited for.
PAUSES = (0.5, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
# Seconds after each request for consent, until the next or the end: a full uplink queue is not a
# lost peer.
CONSENT_PAUSES = (0.5, 1.0)
# with more pairs all pauses grow: 20 ms between two checks (RFC 8445 14.3)
FEW_PAIRS = 25
# seconds from the first check of a pair to that of the next one (RFC 8445 14.2: Ta)
NEXT_PAIR = 0.02

_State = aioice.ice.CandidatePair.State
_Peer = tuple[aioice.ice.StunProtocol, tuple[str, int]]


class ConnectivityChecks:
    """What one ICE connection sends to addresses that others name, and what it keeps of them."""

    def __init__(self, ice: aioice.ice.Connection) -> None:
        self._ice = ice
        # checks that may still be sent, by socket and address
        self._left: dict[_Peer, int] = {}
        self._running: dict[_Peer, _Check] = {}
        self._paced = False
        self._check_incoming = ice.check_incoming
        self._pair = ice._pair_remote_candidate
        self._check_next = ice._check_periodic
        ice.check_incoming = self._checked  # type: ignore[method-assign]
        ice._pair_remote_candidate = self._pair_within_bounds  # type: ignore[method-assign]
        ice._check_periodic = self._check_in_turn  # type: ignore[method-assign]

    async def ask(
        self,
        protocol: aioice.ice.StunProtocol,
        request: aioice.stun.Message,
        addr: tuple[str, int],
        key: bytes,
    ) -> tuple[aioice.stun.Message, tuple[str, int]]:
        """Send a check until it is answered. Raises aioice's TransactionError."""
        peer = protocol, addr
        self._left.setdefault(peer, self._first_allowance(addr))
        request.add_message_integrity(key)
        check = _Check(key)
        protocol.transactions[request.transaction_id] = check  # type: ignore[assignment]
        self._running[peer] = check
        try:
            step = 0
            while self._left[peer] > 0:
                self._left[peer] -= 1
                protocol.send_stun(request, addr)
                pause = PAUSES[min(step, len(PAUSES) - 1)] * self._scale()
                step = 0 if await check.wait(pause) else step + 1
                if check.answer.done():
                    return check.answer.result()
            raise aioice.stun.TransactionTimeout
        finally:
            del protocol.transactions[request.transaction_id]
            if self._running.get(peer) is check:
                del self._running[peer]
            if check.answer.done() and not check.answer.cancelled():
                # it has the password, and is no third party
                self._left[peer] = ATTEMPTS
            check.answer.cancel()

    async def confirm(
        self, pair: aioice.ice.CandidatePair, key: bytes, *, nominate: bool = False
    ) -> float:
        """Have a pair that is in use answered: the round trip, in seconds. Each request has an id
        of its own, as RFC 7675 5.1 has it: so an answer tells which one it is for, and a loss is
        not taken for a long way (Karn). Raises aioice's TransactionError. To `nominate` it is the
        controlling side's.
        """
        transactions, check = pair.protocol.transactions, _Check(key)
        sent: dict[bytes, float] = {}
        try:
            for pause in CONSENT_PAUSES:
                request = self._ice.build_request(pair, nominate=nominate)
                request.add_message_integrity(key)
                transactions[request.transaction_id] = check  # type: ignore[assignment]
                sent[request.transaction_id] = time.monotonic()
                pair.protocol.send_stun(request, pair.remote_addr)
                if await check.wait(pause):
                    message, _ = check.answer.result()
                    return check.answered_at - sent[message.transaction_id]
            raise aioice.stun.TransactionTimeout
        finally:
            for each in sent:
                del transactions[each]
            check.answer.cancel()

    def _check_in_turn(self) -> bool:
        """Whether aioice's loop is to ask again in 20 ms. Once there is a pair it waits for the
        outcome instead, which then ends it at once, and the checks go on beside it.
        """
        if not self._ice._check_list:
            return self._check_next()
        if not self._paced:
            self._paced = True
            self._check_and_go_on()
        return False

    def _check_and_go_on(self) -> None:
        """Ends by itself, once the connection is made, has failed or is closed."""
        if self._check_next():
            asyncio.get_running_loop().call_later(NEXT_PAIR, self._check_and_go_on)

    def affordable(
        self, pairs: Iterable[aioice.ice.CandidatePair], count: int
    ) -> list[aioice.ice.CandidatePair]:
        """So many of these pairs at most that may be checked once more: those that were answered,
        then signaled ones, the least checked first; else in order.
        """
        left: dict[aioice.ice.CandidatePair, float] = {}
        for pair in pairs:
            if pair.state is _State.SUCCEEDED:
                left[pair] = math.inf
            elif self._is_signaled(pair.remote_addr):
                left[pair] = self._left.get((pair.protocol, pair.remote_addr), ATTEMPTS)
        may = [pair for pair in left if left[pair] > 0]
        return sorted(may, key=lambda pair: -left[pair])[:count]

    async def best_answered(
        self, pairs: Sequence[aioice.ice.CandidatePair], key: bytes, within: float, grace: float
    ) -> aioice.ice.CandidatePair | None:
        """Check these pairs. The first of them, in order, that was answered `grace` seconds after
        any was, or later where the way is long; None where none is `within` so many seconds. The
        first pair is checked again then: what kept all of them from answering may have ended.
        """
        waiting, asked = deque(pairs), list[_Asked]()
        end, is_last = time.monotonic() + within, False
        try:
            while time.monotonic() < end:
                if waiting:
                    asked.append(self._send_once(waiting.popleft(), key))
                await asyncio.sleep(NEXT_PAIR)
                answered = {each.pair: each.round_trip for each in asked if each.is_answered}
                if pairs[0] in answered:
                    break
                if answered and not is_last:
                    is_last = True
                    waiting.appendleft(pairs[0])
                    end = time.monotonic() + max(grace, 2 * max(answered.values()))
            return next((pair for pair in pairs if pair in answered), None)
        finally:
            for each in asked:
                del each.pair.protocol.transactions[each.transaction]
                each.check.give_up()

    def _send_once(self, pair: aioice.ice.CandidatePair, key: bytes) -> _Asked:
        peer = pair.protocol, pair.remote_addr
        if pair.state is not _State.SUCCEEDED:
            self._left[peer] = max(0, self._left.get(peer, ATTEMPTS) - 1)
        request, check = self._ice.build_request(pair, nominate=False), _Check(key)
        request.add_message_integrity(key)
        pair.protocol.transactions[request.transaction_id] = check  # type: ignore[assignment]
        pair.protocol.send_stun(request, pair.remote_addr)
        return _Asked(pair, check, request.transaction_id, time.monotonic())

    def _first_allowance(self, addr: tuple[str, int]) -> int:
        """One that nobody signaled gets what its own checks are worth."""
        return ATTEMPTS if self._is_signaled(addr) else TRIGGERED

    def _is_signaled(self, addr: tuple[str, int]) -> bool:
        return any(
            (each._network_host, each.port) == addr and each.type != "prflx"
            for each in self._ice._remote_candidates
        )

    def _scale(self) -> float:
        return max(1.0, len(self._ice._check_list) / FEW_PAIRS)

    def _checked(
        self, message: aioice.stun.Message, addr: tuple[str, int], protocol: aioice.ice.StunProtocol
    ) -> None:
        """An authenticated check has come in."""
        if not self._has_room_for(addr):
            REFUSED.count(Refusal.EXCESS)
            return
        self._revive(addr, protocol)
        peer = protocol, addr
        if peer in self._left:
            self._left[peer] = min(ATTEMPTS, self._left[peer] + TRIGGERED)
        running = self._running.get(peer)
        if running is not None:
            running.hasten()
        self._check_incoming(message, addr, protocol)
        self._trim()

    def _revive(self, addr: tuple[str, int], protocol: aioice.ice.StunProtocol) -> None:
        """Let a pair whose check was given up be checked again: once connected, aioice cancels what
        is under way and leaves it so, and would never follow a nomination of that pair.
        """
        for pair in self._ice._check_list:
            ended = pair.task is not None and pair.task.done()
            if ended and pair.protocol is protocol and pair.remote_addr == addr:
                pair.task = None
                if pair.state is _State.IN_PROGRESS:
                    pair.state = _State.FAILED

    def _has_room_for(self, addr: tuple[str, int]) -> bool:
        reflexive = []
        for each in self._ice._remote_candidates:
            if (each._network_host, each.port) == addr:
                return True
            if each.type == "prflx":
                reflexive.append(each)
        return len(reflexive) < MAX_PEER_REFLEXIVE or any(map(self._forget, reflexive))

    def _forget(self, candidate: aioice.Candidate) -> bool:
        """Whether it was of no use any more: a NAT that maps anew makes another."""
        ice = self._ice
        pairs = [pair for pair in ice._check_list if pair.remote_candidate is candidate]
        selected = {id(pair.remote_candidate) for pair in ice._nominated.values()}
        if id(candidate) in selected or any(
            pair.state not in (_State.FAILED, _State.SUCCEEDED) for pair in pairs
        ):
            return False
        for pair in pairs:
            ice._check_list.remove(pair)
        ice._remote_candidates.remove(candidate)
        address = (candidate._network_host, candidate.port)
        for peer in [peer for peer in self._left if peer[1] == address]:
            del self._left[peer]
        return True

    def _pair_within_bounds(self, remote_candidate: aioice.Candidate) -> None:
        self._pair(remote_candidate)
        self._trim()

    def _trim(self) -> None:
        """Leave out pairs of the lowest priority that were not checked (RFC 8445 6.1.2.5)."""
        check_list = self._ice._check_list
        if len(check_list) <= MAX_PAIRS:
            return
        self._ice.sort_check_list()
        unchecked = (_State.FROZEN, _State.WAITING, _State.FAILED)
        for pair in check_list[::-1]:
            if len(check_list) > MAX_PAIRS and pair.task is None and pair.state in unchecked:
                check_list.remove(pair)


class _Check:
    """One request and its answer, in the place of aioice's transaction."""

    def __init__(self, key: bytes) -> None:
        self.answer: asyncio.Future[tuple[aioice.stun.Message, tuple[str, int]]] = (
            asyncio.get_running_loop().create_future()
        )
        self.answered_at = 0.0
        self._key = key
        self._woken = asyncio.Event()

    def response_received(self, message: aioice.stun.Message, addr: tuple[str, int]) -> None:
        if self.answer.done() or not message.check_message_integrity(self._key):
            return
        self.answered_at = time.monotonic()
        if message.message_class is aioice.stun.Class.RESPONSE:
            self.answer.set_result((message, addr))
        else:
            self.answer.set_exception(aioice.stun.TransactionFailed(message))
        self._woken.set()

    def give_up(self) -> None:
        """Nobody waits for the answer any more; asyncio tells of errors that nobody has seen."""
        if not self.answer.cancel():
            self.answer.exception()

    def hasten(self) -> None:
        """The next check is sent now."""
        self._woken.set()

    async def wait(self, seconds: float) -> bool:
        """False where nothing happened in that time."""
        self._woken.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True


class _Asked(NamedTuple):
    """A check of a pair that was sent."""

    pair: aioice.ice.CandidatePair
    check: _Check
    transaction: bytes
    sent_at: float

    @property
    def is_answered(self) -> bool:
        """By whom it was sent to (RFC 8445 7.2.5.2.1)."""
        answer = self.check.answer
        came = answer.done() and not answer.cancelled() and answer.exception() is None
        return came and answer.result()[1] == self.pair.remote_addr

    @property
    def round_trip(self) -> float:
        return self.check.answered_at - self.sent_at
