"""Statistics come every two seconds from each call: one in a while is enough for a fleet. Pure."""

from __future__ import annotations

from collections import OrderedDict

from agent.fleet.intake import STATISTICS, Collected, Reject

# milliseconds
INTERVAL = 30_000
# conversations that are remembered; an older one starts anew
_REMEMBERED = 20_000


class Thinning:
    """Keeps the first of each conversation and kind, and then one in `interval` milliseconds of the
    device's time.
    """

    def __init__(self, interval: int = INTERVAL, remembered: int = _REMEMBERED) -> None:
        self._interval = interval
        self._remembered = remembered
        self._kept: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    def keeps(self, each: Collected | Reject) -> bool:
        """Whether it is written. What is no statistics always is."""
        if isinstance(each, Reject) or each.kind not in STATISTICS:
            return True
        key = (each.device, str(each.body.get("conversation", "")), each.kind)
        last = self._kept.get(key)
        # one that is repeated or comes from before, after a step of the clock, is judged the same
        if last is not None and abs(each.at - last) < self._interval:
            return False
        self._kept[key] = each.at
        self._kept.move_to_end(key)
        if len(self._kept) > self._remembered:
            self._kept.popitem(last=False)
        return True
