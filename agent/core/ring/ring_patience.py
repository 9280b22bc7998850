"""For how long somebody may ring here: whoever has rung in vain a moment ago rings shorter."""

from __future__ import annotations

from collections import OrderedDict

# seconds from one ring of a caller to the next, within which the next one is short
AGAIN_WITHIN = 600.0
# seconds of a ring that is short
SHORT_RING = 10.0
# callers that are remembered; the one who rang longest ago is forgotten
MAX_CALLERS = 256


class RingPatience:
    """`now` is in seconds of a clock that is never set."""

    def __init__(self) -> None:
        self._rang: OrderedDict[str, float] = OrderedDict()

    def ring(self, caller: str, now: float) -> float | None:
        """`caller` rings: for how many seconds at most; None: as long as it likes."""
        before = self._rang.pop(caller, None)
        self._rang[caller] = now
        if len(self._rang) > MAX_CALLERS:
            self._rang.popitem(last=False)
        return SHORT_RING if before is not None and now - before < AGAIN_WITHIN else None

    def taken(self, caller: str) -> None:
        """Somebody has answered: the next ring is like the first."""
        self._rang.pop(caller, None)
