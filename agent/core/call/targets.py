"""Whom an outgoing call invites: several uids at once or in turn, and what each has answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agent.core.call.effects import SendClose
from agent.core.call.machine import Refused
from agent.core.call.reasons import CallMode, CallStatus, CloseReason
from agent.core.call.refusals import speaks_for_uid

# parties at which one uid may ring
MAX_RINGING = 8
# seconds by which clocks differ that are both right, and an answer's way
_AGREEING = 30.0


@dataclass(slots=True)
class Target:
    """One uid that is invited. `status` is None while its answer is open."""

    uid: str
    invited: bool = False
    # parties at which a person is being asked
    ringing: set[str] = field(default_factory=set)
    status: CallStatus | None = None
    reason: str | None = None
    # its time less ours, where our invitation came expired there
    clock: float | None = None

    @property
    def waiting(self) -> bool:
        return self.invited and self.status is None

    @property
    def refused(self) -> bool:
        """Whether a person has refused for the whole uid (PROTOCOL 3)."""
        return self.status is not None and speaks_for_uid(self.status, self.reason)

    def require_unanswered(self) -> None:
        if self.status is not None:
            raise Refused(f"{self.uid} has answered")

    def ring(self, party: str) -> None:
        """A person is being asked at `party`. Raises Refused for one told before, or too many."""
        if party in self.ringing:
            raise Refused(f"{self.uid}/{party} rang before")
        if len(self.ringing) >= MAX_RINGING:
            raise Refused(f"too many parties ring at {self.uid}")
        self.ringing.add(party)

    def answer(self, status: CallStatus, reason: str | None) -> None:
        self.status, self.reason = status, reason

    def begin_anew(self) -> None:
        """As if it had not been invited."""
        self.invited, self.status, self.reason, self.clock = False, None, None, None
        self.ringing.clear()


class Targets:
    """All of one call, in the order in which they were named."""

    def __init__(self, uids: Iterable[str], mode: CallMode) -> None:
        self._all = [Target(uid) for uid in dict.fromkeys(uids)]
        self._mode = mode
        if not self._all:
            raise ValueError("a call needs at least one target")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Targets) and self._all == other._all

    __hash__ = None  # type: ignore[assignment]  # they change

    def __iter__(self) -> Iterator[Target]:
        return iter(self._all)

    def __getitem__(self, index: int) -> Target:
        return self._all[index]

    @property
    def first(self) -> list[Target]:
        """Who is invited to begin with."""
        return self._all if self._mode == CallMode.PARALLEL else self._all[:1]

    @property
    def waiting(self) -> list[Target]:
        """Who is invited and has not answered."""
        return [target for target in self._all if target.waiting]

    @property
    def following(self) -> list[Target]:
        """Who is invited next, once nobody is waited for."""
        return [target for target in self._all if not target.invited][:1]

    @property
    def outcome(self) -> Target:
        """Whose refusal speaks for all: a TIMEOUT before a BUSY before a REJECTED."""
        order = (CallStatus.TIMEOUT, CallStatus.BUSY, CallStatus.REJECTED)
        answered = [target for target in self._all if target.status in order]
        return min(answered, key=lambda target: order.index(target.status or CallStatus.REJECTED))

    @property
    def agreed_clock(self) -> float | None:
        """How much our clock is behind, if all who have said anything say the same of it: one alone
        must not have the others invited by a time of its own.
        """
        clocks = [target.clock for target in self._all if target.clock is not None]
        judged = (CallStatus.BUSY, CallStatus.REJECTED)
        took_it = any(
            target.status in judged or (target.ringing and target.clock is None)
            for target in self._all
        )
        if took_it or not clocks or max(clocks) - min(clocks) > _AGREEING:
            return None
        return clocks[0]

    def invited(self, uid: str) -> Target:
        """Raises Refused for a uid that was not invited (yet)."""
        for target in self._all:
            if target.uid == uid and target.invited:
                return target
        raise Refused(f"{uid} was not invited")

    def named(self, uid: str) -> Target | None:
        """Whether it was invited or not."""
        return next((target for target in self._all if target.uid == uid), None)

    def keep(self, uid: str, reason: CloseReason) -> list[SendClose]:
        """Nobody else is asked any more."""
        told = self.withdraw(reason, but=uid)
        for target in self._all:
            if target.uid != uid and target.status is None:
                target.answer(CallStatus.REJECTED, reason.value)
        return told

    def withdraw(
        self, reason: CloseReason, *, but: str | None = None, by: str | None = None
    ) -> list[SendClose]:
        """Nobody is left ringing. `by` has answered."""
        others = (target for target in self.waiting if target.uid not in (but, by))
        return [SendClose(target.uid, reason, by) for target in others]
