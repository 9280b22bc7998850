"""Down: every decrease of a conversation's rate, and what each was measured by."""

from __future__ import annotations

import math

from agent.core.rate.aimd import AimdController
from agent.core.rate.encoder_target import EncoderTarget
from agent.core.rate.loss_based import LossBasedController
from agent.core.rate.signals import Signals

NO_REPORTS = "no reports"
ON_TRIAL = "loss on trial"
# decreases that are no sight of what the path holds
_NO_SHORTAGE = (NO_REPORTS, ON_TRIAL)


class Decreases:
    """Rates in bit/s."""

    def __init__(
        self,
        min_bitrate: int,
        signals: Signals,
        loss_based: LossBasedController,
        aimd: AimdController,
        encoder: EncoderTarget,
    ) -> None:
        self._min_bitrate = min_bitrate
        self._signals = signals
        self._loss_based = loss_based
        self._aimd = aimd
        self._encoder = encoder
        # when the last decrease to what was seen to fit was
        self.fitted_at = -math.inf
        # when the path was last seen to hold less than the minimum
        self.short_at = -math.inf

    def fit(self, now: float, fits: float, why: str) -> None:
        """Down to what was seen to fit. Absolute, so that late news of what was sent earlier does
        not add up.
        """
        if max(fits, self._signals.remb.arrives(now) or 0.0) < self._encoder.bitrate:
            self.fitted_at = now
            self.to(now, self._aimd.options.fit_margin * fits, why, capacity=fits)

    def drain(self, now: float) -> None:
        """Keep under a known capacity by what waits there."""
        excess = self._signals.overuse.excess
        bitrate = self._aimd.drained(excess)
        if bitrate is None or excess <= self._signals.overuse.options.severe:
            return
        if bitrate < self._aimd.estimate:
            self.to(now, bitrate, "queue to drain", self._aimd.capacity)

    def follow_remb(self, now: float, cap: float, *, deep: bool) -> None:
        """The remote peer's estimate holds `cap`; `deep`: much less arrived than was sent."""
        signals, target = self._signals, self._encoder.bitrate
        to = max(cap, signals.remb.options.early_decrease * target)
        capacity: float | None = self._aimd.capacity_near(cap / self._aimd.options.beta)
        if not signals.delay_based.is_short(now):
            early = signals.overuse.clear and not deep
            self.to(now, to if early else cap, "REMB", capacity)
        # arrivals would show a queue: a step at a time, until they do
        elif now - self._aimd.decreased_at >= signals.overuse.options.decrease_interval:
            capacity = self._aimd.capacity if deep else capacity
            self.to(now, to, "REMB", capacity, measured=True)

    def to(
        self,
        now: float,
        bitrate: float,
        why: str,
        capacity: float | None,
        *,
        measured: bool = False,
    ) -> None:
        """`measured`: by what arrived, which no estimate of the remote peer betters."""
        if bitrate < self._min_bitrate == self._encoder.bitrate and why not in _NO_SHORTAGE:
            self.short_at = now
        self._loss_based.end_trial()
        arrives = None if measured else self._signals.remb.arrives(now)
        self._aimd.decrease(now, bitrate, capacity, arrives=arrives)
        if self._aimd.estimate < self._encoder.bitrate:
            self._encoder.limit()
            self._aimd.cause = why

    @property
    def step(self) -> float:
        """Where nothing was measured."""
        return self._aimd.options.beta * self._encoder.bitrate

    def sent_around(self, at: float) -> float:
        """Over about the second before `at`: as measured, with retransmissions, or else the target
        of then.
        """
        return self._signals.sent.measured(at) or self._encoder.in_force(at)
