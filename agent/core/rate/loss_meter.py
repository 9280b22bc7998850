"""Loss as reports tell it, and the part of it that is the path's own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LossOptions:
    """Fractions of the packets; draft-ietf-rmcat-gcc section 6."""

    # under it: grow
    low: float = 0.02
    # over it: back off
    high: float = 0.10
    # seconds; reports of less time are summed: a few packets make no fraction
    interval: float = 0.5
    # a path that loses more is of no use at any rate: keep backing off
    inherent_max: float = 0.20


LOSS = LossOptions()


@dataclass(frozen=True, slots=True)
class LossSample:
    """`fraction` of what was sent from `since` on was lost."""

    since: float
    fraction: float


class LossMeter:
    """Reports summed into samples of at least `interval`.

    `inherent` is the part of the loss that is not ours. `fraction` is all the loss of the last
    sample, `excess` what exceeds the inherent part.
    """

    def __init__(self, options: LossOptions = LOSS) -> None:
        self.options = options
        self.inherent = 0.0
        self.fraction = self.excess = 0.0
        self._reported_at: float | None = None
        self._since = 0.0
        self._lost_seconds = self._seconds = 0.0

    @property
    def low(self) -> bool:
        """What exceeds the inherent loss is no reason to hold."""
        return self.excess <= self.options.low

    def add(self, now: float, fraction: float) -> LossSample | None:
        """A report; the sample that it completes."""
        elapsed = 1.0 if self._reported_at is None else min(now - self._reported_at, 2.0)
        if self._seconds == 0.0:
            self._since = now - elapsed
        self._reported_at = now
        self._lost_seconds += fraction * elapsed
        self._seconds += elapsed
        if self._seconds < self.options.interval:
            return None
        sample = LossSample(self._since, self._lost_seconds / self._seconds)
        self._lost_seconds = self._seconds = 0.0
        # the radio recovered: believe it within a few samples
        if sample.fraction < 0.7 * self.inherent:
            self.inherent += 0.3 * (sample.fraction - self.inherent)
        self.fraction = sample.fraction
        self.excess = self.excess_of(sample.fraction)
        return sample

    def accept(self, loss: float) -> None:
        """From now on this much is the path's own."""
        self.inherent = min(loss, self.options.inherent_max)
        self.excess = self.excess_of(self.fraction)

    def excess_of(self, fraction: float) -> float:
        """What is left of a loss beside the inherent one."""
        return max(0.0, (fraction - self.inherent) / (1 - self.inherent))
