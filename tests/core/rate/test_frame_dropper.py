"""Fewer pictures a second: when, how many, and back again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.rate.bitrate_limits import BitrateLimits
from agent.core.rate.controller import BitrateController
from agent.core.rate.encoder_demand import MAX_FRAME_DIVISOR
from agent.core.rate.frame_dropper import (
    FAILS_WITHIN,
    FIRST_HOLD,
    LONGEST_HOLD,
    SETTLING,
    SHORT_FOR,
    SHORTAGE_AGE,
    FrameDropper,
)
from agent.core.rate.receiver_report import ReceiverReport
from tests.core.rate.links import SEEDS
from tests.fakes.link import Simulation
from tests.fakes.link_options import LinkOptions, Trace

LIMITS = BitrateLimits(bitrate=1_000_000, min_bitrate=250_000, max_bitrate=3_000_000)


class Conversation:
    """Updates five times a second, with signs of shortage in between or without."""

    def __init__(self) -> None:
        self.dropper = FrameDropper()
        self.now = 100.0
        self.short_at = -math.inf
        self.seen = [1]

    def run(self, seconds: float, *, short: bool) -> None:
        for _ in range(round(seconds * 5)):
            self.now += 0.2
            self.short_at = self.now if short else self.short_at
            if self.dropper.update(self.now, self.short_at):
                self.seen.append(self.dropper.divisor)


def test_frame_dropper_takes_a_while_of_shortage_and_goes_no_further_than_it_must() -> None:
    call = Conversation()
    call.run(SHORT_FOR - 0.4, short=True)
    call.run(3, short=False)
    assert call.seen == [1]
    call.run(SHORT_FOR + 0.4, short=True)
    call.run(3, short=False)
    assert call.seen == [1, 2]
    call.run(60, short=True)
    assert call.seen == [1, 2, 3, 4]


def test_frame_dropper_returns_step_by_step() -> None:
    call = Conversation()
    call.run(20, short=True)
    call.run(3 * FIRST_HOLD + SHORTAGE_AGE + 1, short=False)
    assert call.seen == [1, 2, 3, 4, 3, 2, 1]


def pause_before_the_next_try(call: Conversation) -> float:
    """Seconds."""
    since, divisor = call.now, call.dropper.divisor
    while call.dropper.divisor == divisor:
        call.run(0.2, short=False)
    return call.now - since


def test_frame_dropper_tries_less_and_less_often_what_failed() -> None:
    call, pauses = Conversation(), []
    call.run(SHORT_FOR + 0.4, short=True)
    for _ in range(6):
        pauses.append(pause_before_the_next_try(call))
        assert call.dropper.divisor == 1
        call.run(SETTLING + 0.4, short=True)
        assert call.dropper.divisor == 2
    assert pauses[0] < FIRST_HOLD + SHORTAGE_AGE
    assert [round(pause / FIRST_HOLD) for pause in pauses] == [1, 2, 4, 4, 4, 4]
    assert pauses[-1] == pytest.approx(LONGEST_HOLD, abs=0.5)
    assert pause_before_the_next_try(call) > FIRST_HOLD
    call.run(FAILS_WITHIN + 1, short=False)  # this one held
    call.run(SHORT_FOR + 0.4, short=True)
    assert pause_before_the_next_try(call) <= FIRST_HOLD + SHORTAGE_AGE


@given(st.lists(st.tuples(st.floats(0.05, 20), st.booleans()), max_size=80))
def test_frame_dropper_moves_by_one_and_never_without_a_reason(
    steps: list[tuple[float, bool]],
) -> None:
    dropper, now, short_at, last_change = FrameDropper(), 0.0, -math.inf, -math.inf
    for elapsed, short in steps:
        now += elapsed
        short_at = now if short else short_at
        before = dropper.divisor
        changed = dropper.update(now, short_at)
        moved = dropper.divisor - before
        assert (moved != 0) == changed
        assert abs(moved) <= 1
        assert 1 <= dropper.divisor <= MAX_FRAME_DIVISOR
        if moved > 0:
            assert now - short_at < SHORTAGE_AGE
        if changed:
            assert now - last_change >= SETTLING - 1e-6
            last_change = now


class Thinned:
    """A controller and the frame dropper behind it, as the sender joins them; what a `Simulation`
    drives.
    """

    def __init__(self) -> None:
        self._controller = BitrateController(LIMITS)
        self._dropper = FrameDropper()

    def __getattr__(self, name: str) -> object:
        return getattr(self._controller, name)

    @property
    def target(self) -> int:
        return self._controller.target // self._dropper.divisor

    def update(self, now: float) -> int:
        self._controller.update(now)
        self._dropper.update(now, self._controller.short_at)
        return self.target


def simulate(link: LinkOptions, seconds: float) -> Trace:
    return Simulation(Thinned(), link).run(seconds)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("remb", [True, False])
def test_frame_dropper_leaves_pictures_out_on_a_link_below_the_minimum_and_returns(
    seed: int, remb: bool
) -> None:
    capacity = ((0.0, 2e6), (20.0, 160e3), (80.0, 2e6))
    trace = simulate(LinkOptions(capacity, queue_bytes=30_000, remb=remb, seed=seed), 140)
    assert min(trace.targets_between(0, 20)) >= LIMITS.min_bitrate
    assert min(trace.targets_between(20, 35)) <= 125_000
    fits = [target for target in trace.targets_between(40, 80) if target <= 125_000]
    assert trace.mean_target(40, 80) < 200e3
    assert fits
    assert trace.target_at(140) > 1e6


@pytest.mark.parametrize("loss", [0.05, 0.10])
@pytest.mark.parametrize("seed", SEEDS)
def test_frame_dropper_random_loss_leaves_no_picture_out(loss: float, seed: int) -> None:
    trace = simulate(LinkOptions(((0.0, 10e6),), loss=((0.0, loss),), seed=seed), 60)
    assert min(trace.targets_between(0, 60)) >= LIMITS.min_bitrate


def test_frame_dropper_silence_leaves_no_picture_out() -> None:
    call = Thinned()
    controller = call._controller
    for tick in range(300):
        now = tick / 5
        if now < 5:
            controller.on_receiver_report(now, ReceiverReport(0.0, 0.04, 0.002))
        call.update(now)
    assert call.target == LIMITS.min_bitrate
