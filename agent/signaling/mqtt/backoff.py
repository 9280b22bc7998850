"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from collections.abc import Callable

from agent.signaling.mqtt.mqtt_options import MqttOptions

# seconds after which a connection counts as one that held
STABLE_AFTER = 10.0


class Backoff:
    """Doubling pauses, each shortened at random by up to a half, so that a fleet does not come back
    all at once.

    A refusal that trying again soon cannot cure has a slower ladder of its own. It is climbed down
    only by a connection that held for longer than its longest pause: two devices that take one
    client id from each other both connect fine.
    """

    def __init__(
        self, options: MqttOptions, random_unit: Callable[[], float] = random.random
    ) -> None:
        self._usual = (options.retry_first, options.retry_longest)
        self._refused = (options.retry_refused, options.retry_refused_longest)
        self._random_unit = random_unit
        self._failures = 0
        self._refusals = 0

    def held(self, seconds: float) -> None:
        """A connection lasted so long."""
        if seconds >= STABLE_AFTER:
            self._failures = 0
        if seconds >= max(STABLE_AFTER, self._refused[1]):
            self._refusals = 0

    def next(self, *, slow: bool, spent: float = 0.0) -> float:
        """Seconds to wait now, after `spent` seconds in an attempt that came to nothing.

        To have waited in vain for an answer was a pause too. Without that, a broker behind a dead
        network would be seen again only after the time-out and the pause together.
        """
        pause: float
        if slow:
            pause = _step(*self._refused, self._refusals)
            self._refusals += 1
            self._failures = 0
        else:
            pause = _step(*self._usual, self._failures)
            self._failures += 1
        pause *= 1 - self._random_unit() / 2
        return max(pause - spent, pause / 4)


def _step(first: float, longest: float, number: int) -> float:
    return min(longest, first * 2.0 ** min(number, 30))
