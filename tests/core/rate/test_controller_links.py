"""The bitrate controller by phenomenon, on a simulated link."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.core.rate.links import LIMITS, MEGABIT, SEEDS, cut_link, simulate
from tests.fakes.link_options import LinkOptions


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("queue_bytes", [30_000, 60_000, 150_000])
class TestLinkCut:
    def test_controller_fits_within_five_seconds(self, queue_bytes: int, seed: int) -> None:
        trace = cut_link(queue_bytes, seed)
        assert trace.target_at(20) > 2.5 * MEGABIT
        assert trace.first_time(20, lambda target: target <= 800_000) <= 5
        assert max(trace.targets_between(25, 30)) <= 800_000
        assert trace.sent_bitrate(25, 30) <= 800_000

    def test_controller_queue_is_gone_within_eight_seconds(
        self, queue_bytes: int, seed: int
    ) -> None:
        assert cut_link(queue_bytes, seed).worst_latency(28, 50) < 0.3

    def test_controller_does_not_starve(self, queue_bytes: int, seed: int) -> None:
        trace = cut_link(queue_bytes, seed)
        assert min(trace.targets_between(20, 50)) > 400_000
        assert trace.mean_target(35, 50) > 0.75 * 800_000

    def test_controller_returns_within_sixteen_seconds(self, queue_bytes: int, seed: int) -> None:
        """To 80 % of what arrived before."""
        trace = cut_link(queue_bytes, seed)
        goal = 0.8 * trace.mean_target(12, 20)
        assert trace.first_time(50, lambda target: target >= goal) <= 16


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("seconds", [1.0, 2.0, 3.0, 5.0])
def test_controller_outage_costs_nothing_where_the_path_comes_back(
    seconds: float, seed: int
) -> None:
    """Its losses and its silence are no congestion: 80 % of the rate is back with it."""
    link = LinkOptions(((0.0, 4.5e6),), outages=((30.0, 30.0 + seconds),), seed=seed)
    trace = simulate(link, 50)
    end = 30 + seconds
    goal = round(0.8 * trace.mean_target(25, 30))
    assert trace.first_time(end, lambda target: target >= goal) <= 1
    assert min(trace.targets_between(end + 1, end + 10)) >= goal
    assert trace.worst_latency(end + 0.5, 50) < 0.3


@pytest.mark.parametrize("seed", SEEDS)
def test_controller_long_outage_is_made_up_for_within_ten_seconds(seed: int) -> None:
    trace = simulate(LinkOptions(((0.0, 4.5e6),), outages=((30.0, 45.0),), seed=seed), 60)
    goal = 0.8 * trace.mean_target(25, 30)
    assert trace.first_time(45, lambda target: target >= goal) <= 10


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("seconds", [1.0, 3.0, 5.0])
def test_controller_outage_with_a_narrower_path_behind_it(seconds: float, seed: int) -> None:
    """The queue that the rate from before fills is seen, and drained."""
    end = 30 + seconds
    link = LinkOptions(
        ((0.0, 20e6), (30.0, 1e6)), outages=((30.0, end),), queue_bytes=75_000, seed=seed
    )
    trace = simulate(link, end + 15)
    assert trace.first_time(end, lambda target: target <= MEGABIT) <= 5
    assert trace.worst_latency(end + 8, end + 15) < 0.4


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("queue_bytes", [30_000, 60_000])
def test_controller_cut_without_remb_is_seen_in_round_trips_and_loss(
    queue_bytes: int, seed: int
) -> None:
    trace = cut_link(queue_bytes, seed, remb=False)
    assert trace.first_time(20, lambda target: target <= 800_000) <= 6
    assert trace.worst_latency(28, 30) < 0.3
    assert trace.first_time(50, lambda target: target >= 3_200_000) <= 25


@pytest.mark.parametrize("remb", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("loss", [0.05, 0.10])
def test_controller_random_loss_is_not_congestion(loss: float, seed: int, remb: bool) -> None:
    trace = simulate(LinkOptions(((0.0, 10e6),), loss=((0.0, loss),), remb=remb, seed=seed), 60)
    assert min(trace.targets_between(0, 60)) >= 0.8 * LIMITS.bitrate
    # and growth goes on once the loss is known to be inherent
    assert trace.target_at(60) > 1.5 * LIMITS.bitrate


@pytest.mark.parametrize("loss", [0.05, 0.10])
@pytest.mark.parametrize("seed", SEEDS)
def test_controller_random_loss_in_the_middle_of_a_call(loss: float, seed: int) -> None:
    link = LinkOptions(((0.0, 10e6),), loss=((0.0, 0.0), (20.0, loss), (60.0, 0.0)), seed=seed)
    trace = simulate(link, 80)
    assert min(trace.targets_between(20, 60)) >= 0.8 * trace.target_at(20)
    assert trace.target_at(80) == LIMITS.max_bitrate


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("one_way", [0.005, 0.05, 0.1])
def test_controller_steady_state_stays_within_fifteen_percent(one_way: float, seed: int) -> None:
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
def test_controller_uses_a_faster_link_without_collapsing(seed: int) -> None:
    trace = simulate(LinkOptions(((0.0, 2.5e6),), seed=seed), 120)
    assert trace.mean_target(40, 120) > 0.8 * 2.5 * MEGABIT
    assert min(trace.targets_between(40, 120)) > 0.5 * 2.5 * MEGABIT


def test_controller_policer_without_a_queue_is_seen_in_its_losses() -> None:
    trace = simulate(LinkOptions(((0.0, 1e6),), queue_bytes=12_000, remb=False), 90)
    assert 0.6 * MEGABIT < trace.mean_target(40, 90) < MEGABIT


def test_controller_longer_path_is_not_a_queue() -> None:
    link = LinkOptions(((0.0, 10e6),), propagation_delay=((0.0, 0.02), (20.0, 0.08)))
    trace = simulate(link, 50)
    assert min(trace.targets_between(20, 50)) > 0.3 * trace.target_at(20)
    assert trace.target_at(50) == LIMITS.max_bitrate


def test_controller_scene_that_does_not_fill_its_target_tests_nothing() -> None:
    trace = simulate(LinkOptions(((0.0, 4e6),), encoder_ratio=0.3), 40)
    assert trace.targets_between(0, 40) == [LIMITS.bitrate]


def test_controller_key_frames_do_not_collapse_the_rate() -> None:
    trace = simulate(LinkOptions(((0.0, 2.5e6),), key_frame_interval=2.0), 90)
    assert trace.mean_target(30, 90) > 1.6 * MEGABIT


@pytest.mark.parametrize("remb", [True, False])
def test_controller_steps_are_apart_and_worth_it(remb: bool) -> None:
    trace = cut_link(100_000, 1, remb, loss=0.01)
    assert len(trace.targets) > 20
    for (at, before), (then, after) in pairwise(trace.targets):
        if after > before:
            assert then - at >= 0.99
            assert after > 1.08 * before or after == LIMITS.max_bitrate
            # half of itself a second and a bit, up to what arrived lately
            assert after < 1.65 * before
        else:
            assert then - at >= 0.29
            assert after < 0.95 * before or after == LIMITS.min_bitrate
