"""What has arrived, beside what was sent: the queue and the capacity that reports reveal."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.rate.arrivals import Arrival, Arrivals

# seconds, the shortest round trip
PATH = 0.05
OCTETS = 1000


class Stream:
    """A packet of `OCTETS` every ten milliseconds: 800 kbit/s."""

    def __init__(self, first: int = 0) -> None:
        self.arrivals = Arrivals()
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
def test_arrivals_all_that_could_arrive_has(first: int) -> None:
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


def test_arrivals_queue_between_two_reports_tells_the_capacity() -> None:
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


def test_arrivals_what_is_lost_has_not_arrived() -> None:
    stream = Stream()
    stream.report(1.0, 96)
    arrival = stream.report(2.0, 196, lost=40)
    assert arrival is not None
    assert arrival.rate == pytest.approx(480_000)


def test_arrivals_one_late_moment_is_no_queue() -> None:
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


def test_arrivals_report_of_what_is_forgotten_or_unsent_says_nothing() -> None:
    stream = Stream()
    stream.report(1.0, 96)
    assert stream.report(2.0, 196) is not None
    # older than the last
    assert stream.report(3.0, 100) is None
    assert stream.report(4.0, 40_000) is None
    assert Arrivals().report(1.0, 5, 0, PATH) is None


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
def test_arrivals_any_report_gives_sensible_numbers(
    events: list[tuple[str, float, int, int]], path: float
) -> None:
    arrivals, now = Arrivals(), 0.0
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


def test_arrivals_tell_when_a_packet_left_though_later_ones_have_arrived() -> None:
    arrivals = Arrivals()
    for number in range(65_530, 65_550):
        arrivals.sent((number - 65_530) / 10, number % 65_536, 1000)
    arrivals.report(2.0, 65_548, 0, 0.05)
    assert arrivals.left_at(65_533) == 0.3
    assert arrivals.left_at(3) == 0.9
    assert arrivals.left_at(65_000) is None
