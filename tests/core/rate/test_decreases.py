from __future__ import annotations

import math

from agent.core.rate.aimd import AimdController
from agent.core.rate.decreases import NO_REPORTS, Decreases
from agent.core.rate.encoder_target import EncoderTarget
from agent.core.rate.loss_based import LossBasedController
from agent.core.rate.signals import Signals
from tests.core.rate.links import LIMITS, MEGABIT


class Parts:
    def __init__(self) -> None:
        self.signals = Signals()
        self.aimd = AimdController(LIMITS)
        self.encoder = EncoderTarget(LIMITS)
        trial = LossBasedController(self.signals.loss, LIMITS.min_bitrate)
        self.down = Decreases(LIMITS.min_bitrate, self.signals, trial, self.aimd, self.encoder)


def test_decreases_what_fits_is_less_a_margin() -> None:
    parts = Parts()
    parts.down.fit(1.0, MEGABIT, "loss")
    assert parts.aimd.estimate == parts.aimd.options.fit_margin * MEGABIT
    assert parts.aimd.cause == "loss"
    assert parts.down.fitted_at == 1.0
    assert parts.encoder.quality_limitation_reason == "bandwidth"


def test_decreases_more_than_the_target_fits_changes_nothing() -> None:
    parts = Parts()
    parts.down.fit(1.0, 2 * LIMITS.bitrate, "loss")
    assert parts.aimd.estimate == LIMITS.bitrate
    assert parts.down.fitted_at == -math.inf


def test_decreases_less_than_the_minimum_is_a_shortage_but_for_silence() -> None:
    parts = Parts()
    parts.down.to(1.0, LIMITS.min_bitrate, "loss", None)
    parts.encoder.follow(1.0, parts.aimd.estimate, parts.aimd.cause)
    parts.down.to(2.0, 1000, NO_REPORTS, None)
    assert parts.down.short_at == -math.inf
    parts.down.to(3.0, 1000, "loss", None)
    assert parts.down.short_at == 3.0


def test_decreases_queue_drains_under_a_known_capacity() -> None:
    parts = Parts()
    parts.aimd.capacity = float(MEGABIT)
    parts.signals.overuse.add(1.0, 0.04)
    parts.down.drain(1.0)
    assert parts.aimd.estimate == LIMITS.bitrate
    parts.signals.overuse.add(2.0, 1.04)
    parts.down.drain(2.0)
    assert parts.aimd.estimate < MEGABIT


def test_decreases_sent_is_what_was_measured_or_the_target_of_then() -> None:
    parts = Parts()
    assert parts.down.sent_around(1.0) == LIMITS.bitrate
    parts.signals.sent.add(1.5, 3e5)
    assert parts.down.sent_around(1.0) == 3e5
    assert parts.down.step < LIMITS.bitrate
