"""Whom a press rings: which list, in which order, how often."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from agent.core.call.reasons import CallMode, CallStatus
from agent.core.call.refusals import speaks_for_uid
from agent.core.policy.schedule import Days, Hours, check_schedule


@dataclass(frozen=True, slots=True)
class RingList:
    """Other targets, by name or at certain times. Without days and hours it is found by its name
    alone.
    """

    name: str
    targets: tuple[str, ...]
    days: Days | None = None
    hours: Hours | None = None
    mode: CallMode | None = None

    def is_on(self, at: datetime, zone: tzinfo) -> bool:
        """Whether it is meant at this time."""
        if self.days is None and self.hours is None:
            return False
        return all(check.holds for check in check_schedule(at, zone, self.days, self.hours))


@dataclass(frozen=True, slots=True)
class RingPlan:
    """One ring: `targets` all at once, or one after the other, for `ring_time` seconds each;
    `rounds` times.
    """

    targets: tuple[str, ...]
    mode: CallMode = CallMode.PARALLEL
    ring_time: float = 30.0
    rounds: int = 1

    @property
    def length(self) -> float:
        """Seconds that it takes where nobody answers."""
        turns = len(self.targets) if self.mode is CallMode.SEQUENTIAL else 1
        return self.ring_time * turns * self.rounds

    def following(self, answers: Mapping[str, tuple[CallStatus, str | None]]) -> RingPlan | None:
        """What is left after a round with these answers; None: nothing. A person who refused is not
        asked again.
        """
        left = tuple(
            uid for uid in self.targets if uid not in answers or not speaks_for_uid(*answers[uid])
        )
        if self.rounds <= 1 or not left:
            return None
        return RingPlan(left, self.mode, self.ring_time, self.rounds - 1)


def choose_list(
    lists: Sequence[RingList],
    wanted: str,
    at: datetime,
    zone: tzinfo,
    *,
    clock_is_set: bool,
) -> RingList | None:
    """The list named `wanted`, else the first that is meant now; None: the targets that count
    otherwise. While the clock is not set no list is meant by its time.
    """
    if wanted:
        return next((each for each in lists if each.name == wanted), None)
    if not clock_is_set:
        return None
    return next((each for each in lists if each.is_on(at, zone)), None)


def without(targets: Collection[str], uid: str) -> tuple[str, ...]:
    """Each once, in order, but for `uid`: nobody rings himself."""
    return tuple(each for each in dict.fromkeys(targets) if each != uid)
