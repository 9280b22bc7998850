"""What has arrived, beside what was sent: the queue and the capacity that reports reveal, and what
is made of them.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.rate.arrivals import Arrival, Arrivals
from agent.core.rate.controller import BitrateController, BitrateOptions
from tests.core.rate.test_controller import OPTIONS, simulate
from tests.fakes.link import LinkOptions

# seconds, the shortest round trip
PATH = 0.05
OCTETS = 1000


class Stream:
    """A packet of `OCTETS` every ten milliseconds: 800 kbit/s."""

    def __init__(self, first: int = 0) -> None:
        self.arrivals = Arrivals(BitrateOptions())
        self.first = first
        self.sent = 0

    def send(self, until: float) -> None:
        while self.sent * 0.01 <= until:
            self.arrivals.sent(self.sent * 0.01, (self.first + self.sent) & 0xFFFF, OCTETS)
            self.sent += 1

    def report(self, now: float, arrived: int, lost: int = 0) -> Arrival | None:
        """`arrived`: how many of all that were sent, the lost ones included."""
        self.send(now)
        return self.arrivals.report(now, self.first + arrived - 1, lost, PATH)


@pytest.mark.parametrize("first", [0, 65_450])
def test_all_that_could_arrive_has(first: int) -> None:
    stream = Stream(first)
    # nothing to compare with
    assert stream.report(1.0, 96) is None
    arrival = stream.report(2.0, 196)
    assert arrival is not None
    assert (arrival.queued, arrival.delay, arrival.standing) == (0, 0, 0)
    assert arrival.rate == pytest.approx(800_000)
    assert arrival.share == 1
    assert not arrival.severe
    assert not arrival.overload


def test_a_queue_between_two_reports_tells_the_capacity() -> None:
    """Half of what is sent arrives: 400 kbit/s, and the rest waits."""
    stream = Stream()
    stream.report(1.0, 96)
    stream.report(1.5, 121)
    arrival = stream.report(2.0, 146)
    assert arrival is not None
    assert arrival.stood
    assert arrival.severe
    assert arrival.overload
    assert arrival.rate == pytest.approx(400_000)
    assert arrival.queued == pytest.approx(50 * OCTETS)
    assert arrival.delay == pytest.approx(0.5)
    assert arrival.share == pytest.approx(0.5)


def test_what_is_lost_has_not_arrived() -> None:
    stream = Stream()
    stream.report(1.0, 96)
    arrival = stream.report(2.0, 196, lost=40)
    assert arrival is not None
    assert arrival.rate == pytest.approx(480_000)


def test_one_late_moment_is_no_queue() -> None:
    """Whoever receives was held up for a third of a second; what it says right after is still of
    that moment.
    """
    stream = Stream()
    stream.report(1.0, 96)
    stream.report(1.3, 126)
    late = stream.report(1.6, 126)
    again = stream.report(1.61, 126)
    caught_up = stream.report(1.8, 176)
    assert late is not None
    assert again is not None
    assert caught_up is not None
    assert (late.severe, again.severe) == (False, False)
    assert caught_up.queued == 0
    assert late.standing == 0


def test_a_report_of_what_is_forgotten_or_unsent_says_nothing() -> None:
    stream = Stream()
    stream.report(1.0, 96)
    assert stream.report(2.0, 196) is not None
    # older than the last
    assert stream.report(3.0, 100) is None
    assert stream.report(4.0, 40_000) is None
    assert Arrivals(BitrateOptions()).report(1.0, 5, 0, PATH) is None


@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.just("sent"), st.floats(0, 3), st.integers(0, 0xFFFF), st.integers(0, 1 << 20)
            ),
            st.tuples(
                st.just("report"),
                st.floats(0, 3),
                st.integers(0, 0xFFFFFFFF),
                st.integers(0, 1 << 24),
            ),
        ),
        max_size=60,
    ),
    st.floats(0, 60),
)
@settings(deadline=None)
def test_any_report_gives_sensible_numbers(
    events: list[tuple[str, float, int, int]], path: float
) -> None:
    arrivals, now = Arrivals(BitrateOptions()), 0.0
    for kind, elapsed, number, amount in events:
        now += elapsed
        if kind == "sent":
            arrivals.sent(now, number, amount)
            continue
        arrival = arrivals.report(now, number, amount, path)
        if arrival is not None:
            assert 0 <= arrival.share <= 1
            assert arrival.delay >= arrival.standing >= 0
            assert arrival.rate >= 0
            assert arrival.queued >= 0
            assert all(
                math.isfinite(value) for value in (arrival.rate, arrival.queued, arrival.delay)
            )


# what the controller makes of them


class Path:
    """A controller whose packets take 20 ms each way through a bottleneck, with five reports a
    second.
    """

    def __init__(self) -> None:
        self.controller = BitrateController(OPTIONS)
        self.now = 0.0
        self.targets: list[int] = []
        self.pauses: list[float] = []
        self._number = 0
        # (leaves the bottleneck, number, octets)
        self._waiting: list[tuple[float, int, int]] = []
        self._free_at = 0.0
        self._highest = 0

    def run(
        self,
        seconds: float,
        *,
        capacity: float = 1e9,
        remb: float | None = None,
        lateness: float = 0.0,
    ) -> None:
        for tick in range(round(seconds * 30)):
            self.now += 1 / 30
            self._send(capacity)
            if tick % 6 == 5:
                self._report(lateness)
                if remb is not None:
                    self.controller.on_remb(self.now, remb)
            self.controller.update(self.now)
            self.targets.append(self.controller.target)
            if (pause := self.controller.take_pause()) is not None:
                self.pauses.append(pause)

    def _send(self, capacity: float) -> None:
        octets = self.controller.target // 8 // 30
        self._number += 1
        self.controller.on_packets(self.now, self._number & 0xFFFF, octets)
        self._free_at = max(self._free_at, self.now) + 8 * octets / capacity
        self._waiting.append((self._free_at, self._number, octets))

    def _report(self, lateness: float) -> None:
        made_at = self.now - 0.02 - lateness
        while self._waiting and self._waiting[0][0] + 0.02 <= made_at:
            self._highest = self._waiting.pop(0)[1]
        self.controller.on_receiver_report(
            self.now,
            0.0,
            0.04,
            0.002,
            highest_sequence=self._highest,
            packets_lost=0,
            lateness=lateness,
        )


def test_a_cut_is_fitted_within_two_reports_and_a_pause_asked_for_once() -> None:
    path = Path()
    path.run(20)
    assert path.controller.target == OPTIONS.max_bitrate
    path.run(1.0, capacity=800_000)
    assert path.controller.target <= 800_000
    assert len(path.pauses) == 1
    assert path.controller.quality_limitation_reason == "bandwidth"


def test_being_late_on_this_machine_is_no_queue() -> None:
    path = Path()
    path.run(20)
    path.run(10, lateness=0.3)
    assert min(path.targets[-300:]) == OPTIONS.max_bitrate
    assert path.pauses == []


def test_an_estimate_that_falls_while_all_arrives_in_time_is_not_followed() -> None:
    path = Path()
    path.run(20, remb=6e6)
    for second in range(10):
        path.run(1, remb=700_000 * 1.08**second)
    assert min(path.targets[-300:]) == OPTIONS.max_bitrate


def test_an_estimate_that_stands_still_is_a_cap_all_the_same() -> None:
    path = Path()
    path.run(20, remb=6e6)
    path.run(20, remb=700_000)
    assert path.controller.target <= 700_000 / OPTIONS.remb_tolerance


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_arrivals_round_trips_and_loss_tell(seed: int) -> None:
    capacity = ((0.0, 4e6), (20.0, 8e5), (50.0, 4e6))
    trace = simulate(LinkOptions(capacity, queue_bytes=60_000, arrivals=False, seed=seed), 75)
    assert trace.first_time(20, lambda target: target <= 800_000) <= 5
    assert trace.worst_latency(28, 50) < 0.3
    assert trace.first_time(50, lambda target: target >= 3_200_000) <= 25
