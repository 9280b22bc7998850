"""What has arrived by feedback on each packet: the queue and the capacity that it reveals."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.rate.arrivals import Arrival
from agent.core.rate.transport_arrivals import TransportArrivals

# seconds by which the remote peer's clock is ahead, and one way
CLOCK, PATH = 5000.0, 0.03
OCTETS = 1000


class Stream:
    """Bursts of four packets every 40 ms, which is 800 kbit/s, through a bottleneck; feedback comes
    every 100 ms.
    """

    def __init__(self, first: int = 0) -> None:
        self.arrivals = TransportArrivals()
        self.number = first
        self.now = 0.0
        self.capacity = 1e9
        self.late = 0.0
        self.clock = CLOCK
        # the receiver's program stands still up to then
        self.stalled_until = 0.0
        self.lost: set[int] = set()
        self._free_at = 0.0
        self._told = first
        # (number, when it arrives by our clock)
        self._on_the_way: list[tuple[int, float]] = []

    def run(self, seconds: float, *, sends: bool = True) -> list[Arrival]:
        found = []
        for _ in range(round(seconds / 0.02)):
            self.now = round(self.now + 0.02, 6)
            if sends and round(self.now / 0.02) % 2 == 0:
                self._send()
            if round(self.now / 0.02) % 5 == 0:
                found.append(self._tell())
        return [arrival for arrival in found if arrival is not None]

    def _send(self) -> None:
        self.arrivals.log.sent(self.now, self.number & 0xFFFF, [OCTETS] * 4)
        for _ in range(4):
            self._free_at = max(self._free_at, self.now) + 8 * OCTETS / self.capacity
            arrives_at = max(self._free_at + PATH + self.late, self.stalled_until)
            self._on_the_way.append((self.number, arrives_at))
            self.number += 1

    def _tell(self) -> Arrival | None:
        here = dict(each for each in self._on_the_way if each[1] <= self.now)
        if not here:
            return None
        first, last = self._told, max(here)
        self._on_the_way = [each for each in self._on_the_way if each[0] > last]
        self._told = last + 1
        told = [
            here[number] + self.clock if number not in self.lost else None
            for number in range(first, last + 1)
        ]
        return self.arrivals.feedback(self.now, first & 0xFFFF, told)


@pytest.mark.parametrize("first", [0, 65_450])
def test_transport_arrivals_all_that_could_arrive_has(first: int) -> None:
    found = Stream(first).run(3.0)
    assert len(found) > 20
    for arrival in found:
        assert (arrival.queued, arrival.share) == (0, 1.0)
        assert arrival.standing == pytest.approx(0.0, abs=1e-6)
        # whole bursts
        assert arrival.rate == pytest.approx(800_000, rel=0.15)
        assert not arrival.stood
        assert not arrival.severe
        assert not arrival.overload


def test_transport_arrivals_packets_of_a_burst_are_no_queue() -> None:
    """The last waits for three others, 30 ms."""
    stream = Stream()
    stream.capacity = 8 * OCTETS / 0.009
    assert max(arrival.standing for arrival in stream.run(3.0)) < 0.001


def test_transport_arrivals_queue_that_stood_tells_the_capacity() -> None:
    stream = Stream()
    stream.run(1.0)
    stream.capacity = 400e3
    found = stream.run(1.5)[-1]
    assert found.stood
    assert found.severe
    assert found.overload
    assert found.rate == pytest.approx(400e3, rel=0.1)
    # what has not arrived is on its way, or waits
    assert found.queued > 8 * OCTETS
    assert found.delay == pytest.approx(0.7, abs=0.15)


def test_transport_arrivals_queue_that_was_empty_in_between_tells_no_capacity() -> None:
    stream = Stream()
    stream.run(1.0)
    stream.capacity = 400e3
    stream.run(0.6)
    stream.run(1.0, sends=False)
    assert not any(arrival.stood for arrival in stream.run(0.1))


def test_transport_arrivals_receiver_that_was_late_once_is_no_queue() -> None:
    stream = Stream()
    stream.run(1.0)
    stream.stalled_until = 1.4
    found = stream.run(1.5)
    assert not any(arrival.severe or arrival.stood for arrival in found)
    assert found[-1].standing == pytest.approx(0.0, abs=1e-6)


def test_transport_arrivals_what_is_lost_did_not_arrive() -> None:
    stream = Stream()
    stream.lost = set(range(0, 1000, 2))
    found = stream.run(2.0)[-1]
    assert found.share == pytest.approx(0.5)
    assert found.rate == pytest.approx(400e3, rel=0.15)
    assert found.overload


def test_transport_arrivals_longer_path_is_the_path_after_two_windows() -> None:
    stream = Stream()
    stream.run(5.0)
    stream.late = 0.1
    assert stream.run(2.0)[-1].standing == pytest.approx(0.1)
    assert stream.run(31.0)[-1].standing == pytest.approx(0.0, abs=1e-6)


def test_transport_arrivals_clock_that_jumps_is_another_one() -> None:
    """Its reference wraps after twelve days, and others restart."""
    stream = Stream()
    stream.run(1.0)
    stream.clock = -1e6
    assert [arrival.standing for arrival in stream.run(1.0)] == pytest.approx([0.0] * 7, abs=1e-6)


def test_transport_arrivals_forgotten_is_nothing_to_compare_with() -> None:
    stream = Stream()
    stream.run(1.0)
    stream.arrivals.forget()
    assert stream.run(0.2) == []


def test_transport_arrivals_names_those_of_a_range_that_arrived() -> None:
    stream = Stream()
    stream.lost = {5}
    stream.run(1.0)
    packets = list(stream.arrivals.arrived(4, 7))
    assert [packet.octets for packet in packets] == [OCTETS] * 3
    assert [packet.arrived_at - packet.left_at for packet in packets] == pytest.approx(
        [CLOCK + PATH] * 3, abs=1e-3
    )
    assert list(stream.arrivals.arrived(10_000, 10_010)) == []


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.integers(0, 65_535),
            st.lists(st.none() | st.floats(-1e7, 1e7, allow_nan=False), max_size=30),
        ),
        max_size=30,
    )
)
def test_transport_arrivals_of_nonsense_are_numbers(
    events: list[tuple[bool, int, list[float | None]]],
) -> None:
    arrivals = TransportArrivals()
    for step, (sends, number, times) in enumerate(events):
        if sends:
            arrivals.log.sent(step / 10, number, [OCTETS] * len(times))
            continue
        found = arrivals.feedback(step / 10, number, times)
        if found is not None:
            for value in (found.queued, found.delay, found.rate, found.share, found.standing):
                assert math.isfinite(value)
                assert value >= 0
            assert found.share <= 1
