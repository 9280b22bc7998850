"""The bitrate controller: by phenomenon on a simulated link, by rule with hypothesis, by signal one
at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.rate.controller import BitrateController, BitrateOptions
from tests.fakes.link import LinkOptions, Simulation, Trace

MEGABIT = 1_000_000
SEEDS = (1, 2, 3)
OPTIONS = BitrateOptions(bitrate=2 * MEGABIT, min_bitrate=250_000, max_bitrate=4 * MEGABIT)


def simulate(link: LinkOptions, seconds: float, options: BitrateOptions = OPTIONS) -> Trace:
    return Simulation(BitrateController(options), link).run(seconds)


def fed(controller: BitrateController, start: float, seconds: float, **report: float) -> list[int]:
    """Reports once a second, updates five times a second; the targets that were set."""
    targets = []
    for tick in range(int(seconds * 5)):
        now = start + tick / 5
        if tick % 5 == 0:
            controller.on_receiver_report(
                now,
                report.get("loss", 0.0),
                report.get("round_trip", 0.04),
                report.get("jitter", 0.002),
            )
        if (target := controller.update(now)) is not None:
            targets.append(target)
    return targets


@cache
def cut_link(queue_bytes: int, seed: int, remb: bool = True, loss: float = 0.0) -> Trace:
    """4 Mbit/s, 800 kbit/s from second 20, 4 Mbit/s again from second 50."""
    capacity = ((0.0, 4e6), (20.0, 8e5), (50.0, 4e6))
    link = LinkOptions(capacity, queue_bytes=queue_bytes, loss=((0.0, loss),), remb=remb, seed=seed)
    return simulate(link, 75)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("queue_bytes", [30_000, 60_000, 150_000])
class TestLinkCut:
    def test_fits_within_five_seconds(self, queue_bytes: int, seed: int) -> None:
        trace = cut_link(queue_bytes, seed)
        assert trace.target_at(20) > 2.5 * MEGABIT
        assert trace.first_time(20, lambda target: target <= 800_000) <= 5
        assert max(trace.targets_between(25, 30)) <= 800_000
        assert trace.sent_bitrate(25, 30) <= 800_000

    def test_queue_is_gone_within_eight_seconds(self, queue_bytes: int, seed: int) -> None:
        assert cut_link(queue_bytes, seed).worst_latency(28, 50) < 0.3

    def test_does_not_starve(self, queue_bytes: int, seed: int) -> None:
        trace = cut_link(queue_bytes, seed)
        assert min(trace.targets_between(20, 50)) > 400_000
        assert trace.mean_target(35, 50) > 0.75 * 800_000

    def test_returns_within_twenty_seconds(self, queue_bytes: int, seed: int) -> None:
        assert cut_link(queue_bytes, seed).first_time(50, lambda target: target >= 3_200_000) <= 20


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("queue_bytes", [30_000, 60_000])
def test_cut_without_remb_is_seen_in_round_trips_and_loss(queue_bytes: int, seed: int) -> None:
    trace = cut_link(queue_bytes, seed, remb=False)
    assert trace.first_time(20, lambda target: target <= 800_000) <= 6
    assert trace.worst_latency(28, 30) < 0.3
    assert trace.first_time(50, lambda target: target >= 3_200_000) <= 25


@pytest.mark.parametrize("remb", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("loss", [0.05, 0.10])
def test_random_loss_is_not_congestion(loss: float, seed: int, remb: bool) -> None:
    trace = simulate(LinkOptions(((0.0, 10e6),), loss=((0.0, loss),), remb=remb, seed=seed), 60)
    assert min(trace.targets_between(0, 60)) >= 0.8 * OPTIONS.bitrate
    # and growth goes on once the loss is known to be inherent
    assert trace.target_at(60) > 1.5 * OPTIONS.bitrate


@pytest.mark.parametrize("loss", [0.05, 0.10])
@pytest.mark.parametrize("seed", SEEDS)
def test_random_loss_in_the_middle_of_a_call(loss: float, seed: int) -> None:
    link = LinkOptions(((0.0, 10e6),), loss=((0.0, 0.0), (20.0, loss), (60.0, 0.0)), seed=seed)
    trace = simulate(link, 80)
    assert min(trace.targets_between(20, 60)) >= 0.8 * trace.target_at(20)
    assert trace.target_at(80) == OPTIONS.max_bitrate


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("one_way", [0.005, 0.05, 0.1])
def test_steady_state_stays_within_fifteen_percent(one_way: float, seed: int) -> None:
    trace = simulate(
        LinkOptions(((0.0, 1e6),), propagation_delay=((0.0, one_way),), seed=seed), 120
    )
    mean = trace.mean_target(40, 120)
    assert mean > 0.8 * MEGABIT
    off = [abs(trace.target_at(40 + tick / 10) / mean - 1) for tick in range(800)]
    assert sum(share > 0.15 for share in off) <= 0.05 * len(off)
    assert max(off) <= 0.25
    assert trace.worst_latency(40, 120) < 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_uses_a_faster_link_without_collapsing(seed: int) -> None:
    trace = simulate(LinkOptions(((0.0, 2.5e6),), seed=seed), 120)
    assert trace.mean_target(40, 120) > 0.8 * 2.5 * MEGABIT
    assert min(trace.targets_between(40, 120)) > 0.5 * 2.5 * MEGABIT


def test_a_policer_without_a_queue_is_seen_in_its_losses() -> None:
    trace = simulate(LinkOptions(((0.0, 1e6),), queue_bytes=12_000, remb=False), 90)
    assert 0.6 * MEGABIT < trace.mean_target(40, 90) < MEGABIT


def test_a_longer_path_is_not_a_queue() -> None:
    link = LinkOptions(((0.0, 10e6),), propagation_delay=((0.0, 0.02), (20.0, 0.08)))
    trace = simulate(link, 50)
    assert min(trace.targets_between(20, 50)) > 0.3 * trace.target_at(20)
    assert trace.target_at(50) == OPTIONS.max_bitrate


def test_a_scene_that_does_not_fill_its_target_tests_nothing() -> None:
    trace = simulate(LinkOptions(((0.0, 4e6),), encoder_ratio=0.3), 40)
    assert trace.targets_between(0, 40) == [OPTIONS.bitrate]


def test_key_frames_do_not_collapse_the_rate() -> None:
    trace = simulate(LinkOptions(((0.0, 2.5e6),), key_frame_interval=2.0), 90)
    assert trace.mean_target(30, 90) > 1.6 * MEGABIT


@pytest.mark.parametrize("remb", [True, False])
def test_steps_are_apart_and_worth_it(remb: bool) -> None:
    trace = cut_link(100_000, 1, remb, loss=0.01)
    assert len(trace.targets) > 20
    for (at, before), (then, after) in pairwise(trace.targets):
        if after > before:
            assert then - at >= 0.99
            assert after > 1.08 * before or after == OPTIONS.max_bitrate
            assert after < 1.35 * before
        else:
            assert then - at >= 0.29
            assert after < 0.95 * before or after == OPTIONS.min_bitrate


# rules

times = st.sampled_from((math.nan, math.inf, -math.inf, -1.0)) | st.floats(
    min_value=0, max_value=300
)
anything = (
    st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(min_value=0, max_value=1)
)
rates = st.floats(allow_nan=True, allow_infinity=True) | st.floats(min_value=0, max_value=1e8)
numbers = st.none() | st.integers(0, 0xFFFFFFFF) | st.integers(0, 200)
calls = st.one_of(
    st.tuples(st.just("report"), times, anything, anything, anything),
    st.tuples(st.just("report"), times, anything, anything, anything, numbers, numbers, anything),
    st.tuples(st.just("packets"), times, st.integers(0, 0xFFFF), st.integers(0, 1 << 20)),
    st.tuples(st.just("remb"), times, rates),
    st.tuples(st.just("nack"), times, st.integers(-(1 << 70), 1 << 70)),
    st.tuples(st.just("queue"), times, rates, rates),
    st.tuples(st.just("sent"), times, rates),
    st.tuples(st.just("update"), times),
)


@given(st.lists(calls, max_size=80))
@settings(deadline=None)
def test_bounds_hold_for_any_input(sequence: list[tuple[object, ...]]) -> None:
    controller = BitrateController(OPTIONS)
    for result in made(controller, sequence):
        assert result is None or result == controller.target
        assert OPTIONS.min_bitrate <= controller.target <= OPTIONS.max_bitrate
        assert isinstance(controller.target, int)
        pause = controller.take_pause()
        assert pause is None or 0 < pause <= OPTIONS.pause_longest


@given(st.lists(calls, max_size=60))
@settings(deadline=None, max_examples=60)
def test_nothing_wedges_it(sequence: list[tuple[object, ...]]) -> None:
    """Whatever came before, on a good path it comes back to the maximum, and says so."""
    controller, start = BitrateController(OPTIONS), 301.0
    for _ in made(controller, sequence):
        pass
    for tick in range(6 * 120):
        now = start + tick / 6
        if tick % 2:
            controller.on_packets(now, tick & 0xFFFF, controller.target // 8 // 3)
            controller.on_sent_bitrate(now, controller.target)
        else:
            controller.on_receiver_report(now, 0.0, 0.02, 0.002, tick - 1, 0)
            controller.on_remb(now, 1e6 * 1.08 ** min(now - start, 40))
            controller.on_send_queue(now, 0, 0.0)
        controller.update(now)
    assert controller.target == OPTIONS.max_bitrate
    assert controller.quality_limitation_reason == "none"


def made(controller: BitrateController, sequence: list[tuple[object, ...]]) -> Iterator[object]:
    """Make these calls; what each returned."""
    methods = {
        "report": controller.on_receiver_report,
        "packets": controller.on_packets,
        "remb": controller.on_remb,
        "nack": controller.on_nack,
        "queue": controller.on_send_queue,
        "sent": controller.on_sent_bitrate,
        "update": controller.update,
    }
    for name, *arguments in sequence:
        yield methods[str(name)](*arguments)  # type: ignore[operator]


@given(
    st.floats(min_value=0.001, max_value=2.0),
    st.lists(
        st.tuples(st.floats(min_value=0.05, max_value=1.5), st.floats(min_value=0, max_value=0.5)),
        max_size=100,
    ),
)
@settings(deadline=None)
def test_never_falls_while_nothing_is_lost_and_round_trips_are_flat(
    round_trip: float, reports: list[tuple[float, float]]
) -> None:
    controller, now, target = BitrateController(OPTIONS), 0.0, OPTIONS.bitrate
    for elapsed, jitter in reports:
        now += elapsed
        controller.on_receiver_report(now, 0.0, round_trip, jitter)
        controller.update(now)
        assert controller.target >= target
        target = controller.target
    assert controller.quality_limitation_reason == "none"


def test_garbage_changes_nothing() -> None:
    clean, dirty = BitrateController(OPTIONS), BitrateController(OPTIONS)
    for tick in range(100):
        now = tick / 5
        for controller in (clean, dirty):
            controller.on_receiver_report(now, 0.0, 0.04, 0.002)
        for bad in (math.nan, math.inf, -math.inf, -1.0):
            dirty.on_receiver_report(now, bad, bad, bad)
            dirty.on_remb(now, bad)
            dirty.on_send_queue(now, bad, bad)
            dirty.on_sent_bitrate(now, bad)
            dirty.on_receiver_report(bad, 1.0, 9.0, 1.0)
            dirty.on_remb(bad, 1000.0)
            assert dirty.update(bad) is None
        dirty.on_nack(now, -5)
        dirty.on_receiver_report(now, 1.5, 100.0, 100.0)
        dirty.on_receiver_report(now - 0.1, 1.0, 9.0, 1.0)
        assert clean.update(now) == dirty.update(now)


# one signal at a time


def test_holds_the_start_until_somebody_reports() -> None:
    controller = BitrateController(OPTIONS)
    assert [controller.update(tick / 5) for tick in range(100)] == [None] * 100
    assert (controller.target, controller.why) == (OPTIONS.bitrate, "start")


def test_grows_to_the_maximum_and_says_so() -> None:
    controller = BitrateController(OPTIONS)
    assert fed(controller, 0, 20)[-1] == OPTIONS.max_bitrate
    assert (controller.why, controller.quality_limitation_reason) == ("growth", "none")


def test_a_fall_of_remb_is_followed_at_once() -> None:
    controller = BitrateController(OPTIONS)
    fed(controller, 0, 5)
    controller.on_remb(5.0, 3e6)
    controller.on_remb(5.2, 700_000.0)
    assert controller.update(5.2) == 700_000
    assert (controller.why, controller.quality_limitation_reason) == ("REMB", "bandwidth")


def test_a_remb_that_stands_still_is_a_cap() -> None:
    controller = BitrateController(OPTIONS)
    for second in range(20):
        controller.on_remb(second, 600_000.0)
        fed(controller, second, 1)
    assert controller.target <= 600_000 / OPTIONS.remb_tolerance


def test_a_remb_that_climbs_behind_us_is_none() -> None:
    controller = BitrateController(OPTIONS)
    lowest = OPTIONS.bitrate
    for second in range(10):
        controller.on_remb(second, 1e6 * 1.08**second)
        fed(controller, second, 1)
        lowest = min(lowest, controller.target)
    assert lowest == OPTIONS.bitrate
    assert controller.target > OPTIONS.bitrate


def test_loss_between_low_and_high_holds() -> None:
    controller = BitrateController(OPTIONS)
    assert fed(controller, 0, 7, loss=0.05) == []


def test_loss_that_follows_the_rate_is_kept_as_congestion() -> None:
    controller = BitrateController(OPTIONS)
    fed(controller, 0, 1)
    assert fed(controller, 1, 2, loss=0.15)[-1] < 0.95 * OPTIONS.bitrate
    assert controller.why == "loss on trial"
    fed(controller, 3, 4, loss=0.04)
    assert controller.target < 0.95 * OPTIONS.bitrate
    assert controller.quality_limitation_reason == "bandwidth"


def test_one_long_round_trip_is_no_queue() -> None:
    controller = BitrateController(OPTIONS)
    fed(controller, 0, 3)
    before = controller.target
    controller.on_receiver_report(3.0, 0.0, 0.15, 0.002)
    assert controller.update(3.0) is None
    assert fed(controller, 3.2, 5)[0] > before


def test_long_round_trips_are_backed_off_from() -> None:
    controller = BitrateController(OPTIONS)
    fed(controller, 0, 3)
    before = controller.target
    assert min(fed(controller, 3, 4, round_trip=0.2)) <= 0.86 * before
    assert controller.why == "round trip"


@pytest.mark.parametrize(("queued", "age"), [(0, 0.5), (200_000, 0.0)])
def test_our_own_queue_counts_once_it_persists(queued: int, age: float) -> None:
    controller = BitrateController(OPTIONS)
    for tick in range(5):
        controller.on_send_queue(tick / 5, queued, age)
        # a key frame may take this long
        assert controller.update(tick / 5) is None
    controller.on_send_queue(1.2, queued, age)
    assert controller.update(1.2) == round(0.85 * OPTIONS.bitrate)
    assert controller.why == "send queue"


def test_nacks_hold_growth_before_the_report_arrives() -> None:
    controller = BitrateController(OPTIONS)
    fed(controller, 0, 1)
    for tick in range(25):
        controller.on_nack(1 + tick / 5, 20)
        controller.on_receiver_report(1 + tick / 5, 0.0, 0.04, 0.002)
        assert controller.update(1 + tick / 5) is None


def test_silence_backs_off() -> None:
    controller = BitrateController(OPTIONS)
    fed(controller, 0, 3)
    before = controller.target
    targets = [
        target for tick in range(40) if (target := controller.update(3 + tick / 5)) is not None
    ]
    assert targets[-1] <= 0.6 * before
    assert controller.why == "no reports"


@pytest.mark.parametrize(
    "bounds", [(100, 200, 300), (400, 200, 300), (200, 0, 300), (200, 300, 100)]
)
def test_bounds_out_of_order_are_refused(bounds: tuple[int, int, int]) -> None:
    bitrate, low, high = bounds
    with pytest.raises(ValueError, match="min_bitrate <= bitrate <= max_bitrate"):
        BitrateOptions(bitrate=bitrate, min_bitrate=low, max_bitrate=high)


def test_options_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        OPTIONS.bitrate = 1  # type: ignore[misc]
