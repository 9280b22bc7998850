"""How often someone may call: the device's own limits (PROTOCOL 8) and the memory behind a rule's
`rate`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.core.call.decision import RateOutcome
from agent.core.policy.known_callers import NOBODY, KnownCallers

DROP_FACTOR = 4


@dataclass(slots=True)
class _Count:
    admitted: int = 0
    answered: int = 0


class RateLimiter:
    """Within any `window` (seconds, sliding) it admits at most `per_caller` invitations a caller,
    `per_accepted_caller` of one whom an `accept` rule names, and `overall` in all.

    Where `known` names anybody, `reserve` of those are kept for them: names can be made up where
    the broker does not prove them. What is more is refused, until four times as many were answered;
    the rest is dropped. Only what was answered counts: whoever floods uses up their own share and
    no one else's, and is served again as soon as the window has passed. Memory: one entry for each
    answered invitation in the window, so at most four times `overall`.
    """

    def __init__(
        self,
        per_caller: int = 10,
        overall: int = 60,
        window: float = 60.0,
        *,
        per_accepted_caller: int = 30,
        reserve: int = 20,
        known: Callable[[], KnownCallers] = lambda: NOBODY,
    ) -> None:
        self._per_caller = per_caller
        self._per_accepted_caller = per_accepted_caller
        self._overall = overall
        self._reserve = reserve
        self._window = window
        self._known = known
        self._answered: deque[tuple[float, str, bool, bool]] = deque()
        self._total = _Count()
        self._strangers = _Count()
        self._callers: dict[str, _Count] = {}

    def __len__(self) -> int:
        """Entries held."""
        return len(self._answered)

    def judge(self, caller: str, now: float) -> RateOutcome:
        """Judge an invitation that arrived at `now` (seconds of a clock that never goes back)."""
        self._forget(now - self._window)
        known = self._known()
        is_stranger = caller not in known
        own = self._callers.get(caller, _Count())
        limits = [
            (own, self._per_accepted_caller if known.is_accepted(caller) else self._per_caller),
            (self._total, self._overall),
        ]
        if is_stranger and known:
            limits.append((self._strangers, self._overall - self._reserve))
        if any(count.answered >= DROP_FACTOR * limit for count, limit in limits):
            return RateOutcome.DROP
        admitted = all(count.admitted < limit for count, limit in limits)
        self._callers[caller] = own
        self._answered.append((now, caller, is_stranger, admitted))
        for count in self._counts(caller, is_stranger=is_stranger):
            count.answered += 1
            count.admitted += admitted
        return RateOutcome.ADMIT if admitted else RateOutcome.REFUSE

    def _counts(self, caller: str, *, is_stranger: bool) -> list[_Count]:
        """Where an invitation of `caller` counts."""
        counts = [self._callers[caller], self._total]
        return [*counts, self._strangers] if is_stranger else counts

    def _forget(self, until: float) -> None:
        while self._answered and self._answered[0][0] <= until:
            _, caller, is_stranger, admitted = self._answered.popleft()
            for count in self._counts(caller, is_stranger=is_stranger):
                count.answered -= 1
                count.admitted -= admitted
            if not self._callers[caller].answered:
                del self._callers[caller]


class CallHistory:
    """When each rule last decided for each caller: what a rule's `rate` is counted from.

    At most `callers` pairs of rule and caller are kept, the one longest without a call is forgotten
    first; of each the last `calls`, which is the highest `rate` there can be. It outlives a reload
    of the rules, which are known by name.
    """

    def __init__(self, callers: int = 1024, calls: int = 100) -> None:
        self._limit = callers
        self._calls = calls
        self._times: OrderedDict[tuple[str, str], deque[datetime]] = OrderedDict()

    def __len__(self) -> int:
        """Pairs of rule and caller held."""
        return len(self._times)

    def record(self, rule: str | None, caller: str, at: datetime) -> None:
        """Remember that `rule` decided about `caller`; a decision without a rule is not
        remembered.
        """
        if rule is None:
            return
        key = (rule, caller)
        self._times.setdefault(key, deque(maxlen=self._calls)).append(at)
        self._times.move_to_end(key)
        if len(self._times) > self._limit:
            self._times.popitem(last=False)

    def count(self, rule: str, caller: str, *, at: datetime, window: float) -> int:
        """Decisions within the last `window` seconds. Those after `at` (the clock was set back) do
        not count.
        """
        earliest = at - timedelta(seconds=window)
        return sum(earliest < time <= at for time in self._times.get((rule, caller), ()))
