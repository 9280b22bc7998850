"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from collections.abc import Callable

from agent.signaling.options import MqttOptions


class Backoff:
    """Doubling pauses, each shortened at random by up to a half, so that a fleet does not come back all at once.

    A refusal that only a change of configuration can cure has a slower ladder of its own.
    """

    def __init__(self, options: MqttOptions, random_unit: Callable[[], float] = random.random) -> None:
        self._usual = (options.retry_first, options.retry_longest)
        self._refused = (options.retry_refused, options.retry_refused_longest)
        self._random_unit = random_unit
        self._failures = 0
        self._slow = False

    def reset(self) -> None:
        """A connection held."""
        self._failures = 0

    def next(self, *, slow: bool) -> float:
        """Seconds to wait now."""
        if slow is not self._slow:
            self._slow, self._failures = slow, 0
        first, longest = self._refused if slow else self._usual
        pause: float = min(longest, first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return pause * (1 - self._random_unit() / 2)
