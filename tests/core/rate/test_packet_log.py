"""The packets of a transport by their numbers."""

from __future__ import annotations

import pytest

from agent.core.rate.packet_log import LoggedPacket, PacketLog


def filled(first: int = 0) -> PacketLog:
    """Three packets at second 1, two at second 2."""
    log = PacketLog()
    log.sent(1.0, first, [100, 200, 300])
    log.sent(2.0, (first + 3) & 0xFFFF, [400, 500])
    return log


def test_packet_log_knows_what_left() -> None:
    log = filled()
    assert [log.knows(number) for number in range(-1, 6)] == [False, *[True] * 5, False]
    assert [log.octets_of(number) for number in range(1, 5)] == [200, 300, 400, 500]
    assert [log.left_at(number) for number in range(5)] == [1.0, 1.0, 1.0, 2.0, 2.0]
    assert [log.burst_of(number) for number in range(5)] == [0, 0, 0, 3, 3]
    assert log.next_number == 5


@pytest.mark.parametrize("first", [7, 65_533, 65_535])
def test_packet_log_counts_on_where_numbers_wrap(first: int) -> None:
    log = filled(first)
    assert log.next_number == first + 5
    assert log.number_of((first + 4) & 0xFFFF) == first + 4
    assert log.octets_of(first + 4) == 500


def test_packet_log_names_what_arrived_of_a_range() -> None:
    log = filled()
    log.note_arrival(2, 51.0)
    log.note_arrival(3, 52.0)
    assert list(log.arrived(1, 3)) == [LoggedPacket(1.0, 51.0, 300), LoggedPacket(2.0, 52.0, 400)]
    assert list(log.arrived(4, 400)) == []


def test_packet_log_counts_what_left_behind_a_packet() -> None:
    log = filled()
    assert log.octets_behind(0, 1.5) == 500
    assert log.octets_behind(0, 2.0) == 1400
    assert log.octets_behind(4, 9.0) == 0


def test_packet_log_forgets_the_oldest() -> None:
    log = filled()
    for number in range(5, 5000):
        log.sent(3.0, number, [1000])
    assert not log.knows(4)
    assert log.knows(4999)
    # the one before it is gone
    assert log.octets_of(904) == 0
    assert log.octets_of(905) == 1000
    assert list(log.arrived(0, 100)) == []
