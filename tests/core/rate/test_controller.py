"""The bitrate controller: by rule with hypothesis, and by signal one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.rate.controller import BitrateController
from agent.core.rate.delay_based import DelayBasedOptions
from agent.core.rate.receiver_report import ReceiverReport
from agent.core.rate.remb import RembOptions
from tests.core.rate.links import LIMITS
from tests.examples import examples


def fed(controller: BitrateController, start: float, seconds: float, **report: float) -> list[int]:
    """Reports once a second, updates five times a second; the targets that were set."""
    targets = []
    for tick in range(int(seconds * 5)):
        now = start + tick / 5
        if tick % 5 == 0:
            controller.on_receiver_report(
                now,
                ReceiverReport(
                    report.get("loss", 0.0),
                    report.get("round_trip", 0.04),
                    report.get("jitter", 0.002),
                ),
            )
        if (target := controller.update(now)) is not None:
            targets.append(target)
    return targets


# rules

times = st.sampled_from((math.nan, math.inf, -math.inf, -1.0)) | st.floats(
    min_value=0, max_value=300
)
anything = (
    st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(min_value=0, max_value=1)
)
rates = st.floats(allow_nan=True, allow_infinity=True) | st.floats(min_value=0, max_value=1e8)
numbers = st.none() | st.integers(0, 0xFFFFFFFF) | st.integers(0, 200)
reports = st.builds(ReceiverReport, anything, anything, anything) | st.builds(
    ReceiverReport, anything, anything, anything, numbers, numbers, anything
)
calls = st.one_of(
    st.tuples(st.just("report"), times, reports),
    st.tuples(st.just("packets"), times, st.integers(0, 0xFFFF), st.integers(0, 1 << 20)),
    st.tuples(st.just("remb"), times, rates),
    st.tuples(st.just("nack"), times, st.integers(-(1 << 70), 1 << 70)),
    st.tuples(st.just("queue"), times, rates, rates),
    st.tuples(st.just("sent"), times, rates),
    st.tuples(st.just("update"), times),
)


@given(st.lists(calls, max_size=80))
@settings(deadline=None)
def test_controller_bounds_hold_for_any_input(sequence: list[tuple[object, ...]]) -> None:
    controller = BitrateController(LIMITS)
    for result in made(controller, sequence):
        assert result is None or result == controller.target
        assert LIMITS.min_bitrate <= controller.target <= LIMITS.max_bitrate
        assert isinstance(controller.target, int)
        pause = controller.take_pause()
        assert pause is None or 0 < pause <= DelayBasedOptions().pause_longest


@given(st.lists(calls, max_size=60))
@settings(deadline=None, max_examples=examples(60))
def test_controller_recovers_after_any_input(sequence: list[tuple[object, ...]]) -> None:
    """Whatever came before, on a good path it comes back to the maximum, and says so."""
    controller, start = BitrateController(LIMITS), 301.0
    for _ in made(controller, sequence):
        pass
    for tick in range(6 * 120):
        now = start + tick / 6
        if tick % 2:
            controller.on_packets(now, tick & 0xFFFF, controller.target // 8 // 3)
            controller.on_sent_bitrate(now, controller.target)
        else:
            controller.on_receiver_report(now, ReceiverReport(0.0, 0.02, 0.002, tick - 1, 0))
            controller.on_remb(now, 1e6 * 1.08 ** min(now - start, 40))
            controller.on_send_queue(now, 0, 0.0)
        controller.update(now)
    assert controller.target == LIMITS.max_bitrate
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
def test_controller_never_falls_while_nothing_is_lost_and_round_trips_are_flat(
    round_trip: float, reports: list[tuple[float, float]]
) -> None:
    controller, now, target = BitrateController(LIMITS), 0.0, LIMITS.bitrate
    for elapsed, jitter in reports:
        now += elapsed
        controller.on_receiver_report(now, ReceiverReport(0.0, round_trip, jitter))
        controller.update(now)
        assert controller.target >= target
        target = controller.target
    assert controller.quality_limitation_reason == "none"


def test_controller_ignores_garbage() -> None:
    clean, dirty = BitrateController(LIMITS), BitrateController(LIMITS)
    for tick in range(100):
        now = tick / 5
        for controller in (clean, dirty):
            controller.on_receiver_report(now, ReceiverReport(0.0, 0.04, 0.002))
        for bad in (math.nan, math.inf, -math.inf, -1.0):
            dirty.on_receiver_report(now, ReceiverReport(bad, bad, bad))
            dirty.on_remb(now, bad)
            dirty.on_send_queue(now, bad, bad)
            dirty.on_sent_bitrate(now, bad)
            dirty.on_receiver_report(bad, ReceiverReport(1.0, 9.0, 1.0))
            dirty.on_remb(bad, 1000.0)
            assert dirty.update(bad) is None
        dirty.on_nack(now, -5)
        dirty.on_receiver_report(now, ReceiverReport(1.5, 100.0, 100.0))
        dirty.on_receiver_report(now - 0.1, ReceiverReport(1.0, 9.0, 1.0))
        assert clean.update(now) == dirty.update(now)


# one signal at a time


def test_controller_holds_the_start_until_somebody_reports() -> None:
    controller = BitrateController(LIMITS)
    assert [controller.update(tick / 5) for tick in range(100)] == [None] * 100
    assert (controller.target, controller.why) == (LIMITS.bitrate, "start")


def test_controller_grows_to_the_maximum_and_says_so() -> None:
    controller = BitrateController(LIMITS)
    assert fed(controller, 0, 20)[-1] == LIMITS.max_bitrate
    assert (controller.why, controller.quality_limitation_reason) == ("growth", "none")


def test_controller_fall_of_remb_is_followed_at_once() -> None:
    controller = BitrateController(LIMITS)
    fed(controller, 0, 5)
    controller.on_remb(5.0, 3e6)
    controller.on_remb(5.2, 700_000.0)
    assert controller.update(5.2) == 700_000
    assert (controller.why, controller.quality_limitation_reason) == ("REMB", "bandwidth")


def test_controller_remb_that_stands_still_is_a_cap() -> None:
    controller = BitrateController(LIMITS)
    for second in range(20):
        controller.on_remb(second, 600_000.0)
        fed(controller, second, 1)
    assert controller.target <= 600_000 / RembOptions().tolerance


def test_controller_remb_that_climbs_behind_us_is_none() -> None:
    controller = BitrateController(LIMITS)
    lowest = LIMITS.bitrate
    for second in range(10):
        controller.on_remb(second, 1e6 * 1.08**second)
        fed(controller, second, 1)
        lowest = min(lowest, controller.target)
    assert lowest == LIMITS.bitrate
    assert controller.target > LIMITS.bitrate


def test_controller_loss_between_low_and_high_holds() -> None:
    controller = BitrateController(LIMITS)
    assert fed(controller, 0, 7, loss=0.05) == []


def test_controller_loss_that_follows_the_rate_is_kept_as_congestion() -> None:
    controller = BitrateController(LIMITS)
    fed(controller, 0, 1)
    assert fed(controller, 1, 2, loss=0.15)[-1] < 0.95 * LIMITS.bitrate
    assert controller.why == "loss on trial"
    fed(controller, 3, 4, loss=0.04)
    assert controller.target < 0.95 * LIMITS.bitrate
    assert controller.quality_limitation_reason == "bandwidth"


def test_controller_one_long_round_trip_is_no_queue() -> None:
    controller = BitrateController(LIMITS)
    fed(controller, 0, 3)
    before = controller.target
    controller.on_receiver_report(3.0, ReceiverReport(0.0, 0.15, 0.002))
    assert controller.update(3.0) is None
    assert fed(controller, 3.2, 5)[0] > before


def test_controller_long_round_trips_are_backed_off_from() -> None:
    controller = BitrateController(LIMITS)
    fed(controller, 0, 3)
    before = controller.target
    assert min(fed(controller, 3, 4, round_trip=0.2)) <= 0.86 * before
    assert controller.why == "round trip"


@pytest.mark.parametrize(("queued", "age"), [(0, 0.5), (200_000, 0.0)])
def test_controller_backs_off_from_our_own_queue_once_it_persists(queued: int, age: float) -> None:
    controller = BitrateController(LIMITS)
    for tick in range(5):
        controller.on_send_queue(tick / 5, queued, age)
        # a key frame may take this long
        assert controller.update(tick / 5) is None
    controller.on_send_queue(1.2, queued, age)
    assert controller.update(1.2) == round(0.85 * LIMITS.bitrate)
    assert controller.why == "send queue"


def test_controller_nacks_hold_growth_before_the_report_arrives() -> None:
    controller = BitrateController(LIMITS)
    fed(controller, 0, 1)
    for tick in range(25):
        controller.on_nack(1 + tick / 5, 20)
        controller.on_receiver_report(1 + tick / 5, ReceiverReport(0.0, 0.04, 0.002))
        assert controller.update(1 + tick / 5) is None


def test_controller_backs_off_in_silence() -> None:
    controller = BitrateController(LIMITS)
    fed(controller, 0, 3)
    before = controller.target
    targets = [
        target for tick in range(40) if (target := controller.update(3 + tick / 5)) is not None
    ]
    assert targets[-1] <= 0.6 * before
    assert controller.why == "no reports"
