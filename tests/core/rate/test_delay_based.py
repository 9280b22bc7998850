"""The delay-based controller: what arrivals tell of a queue."""

from __future__ import annotations

import pytest

from agent.core.rate.delay_based import DelayBasedController, NoQueueSeen, QueueSeen
from agent.core.rate.loss_meter import LossMeter
from agent.core.rate.receiver_report import ReceiverReport

PATH = 0.05
"""Seconds, the shortest round trip."""
OCTETS = 1000
TARGET = 800_000.0


class Stream:
    """A packet of `OCTETS` every ten milliseconds: 800 kbit/s."""

    def __init__(self) -> None:
        self.losses = LossMeter()
        self.controller = DelayBasedController(self.losses)
        self._sent = 0

    def report(
        self, now: float, arrived: int, *, decreased_at: float = 0.0
    ) -> QueueSeen | NoQueueSeen | None:
        while self._sent * 0.01 <= now:
            self.controller.arrivals.sent(self._sent * 0.01, self._sent, OCTETS)
            self._sent += 1
        report = ReceiverReport(0.0, PATH, 0.0, arrived - 1, 0)
        self.controller.report(now, report, PATH)
        return self.controller.judge(now, TARGET, decreased_at, PATH)


def test_delay_based_knows_nothing_without_sequence_numbers() -> None:
    controller = DelayBasedController(LossMeter())
    controller.report(1.0, ReceiverReport(0.0, PATH, 0.0), PATH)
    controller.report(1.0, ReceiverReport(0.0, PATH, 0.0, 5, 0), None)
    assert controller.judge(1.0, TARGET, 0.0, PATH) is None
    assert not controller.is_short(1.0)


def test_delay_based_sees_no_queue_where_all_arrives_in_time() -> None:
    stream = Stream()
    assert stream.report(1.0, 96) is None
    verdict = stream.report(2.0, 196)
    assert isinstance(verdict, NoQueueSeen)
    assert verdict.bitrate == pytest.approx(0.95 * 800_000)
    assert stream.controller.is_empty(2.0)
    assert not stream.controller.is_empty(6.0)
    assert stream.controller.take_pause() is None


def test_delay_based_says_nothing_of_what_was_sent_before_the_last_decrease() -> None:
    stream = Stream()
    stream.report(1.0, 96)
    assert stream.report(2.0, 196, decreased_at=1.5) is None


def test_delay_based_sees_the_capacity_of_a_queue_that_stood() -> None:
    stream = Stream()
    stream.report(1.0, 96)
    stream.report(1.5, 121)
    verdict = stream.report(2.0, 146)
    assert isinstance(verdict, QueueSeen)
    assert verdict.capacity == pytest.approx(400_000)
    assert verdict.bitrate < 0.95 * verdict.capacity
    assert not stream.controller.is_short(2.0)


def test_delay_based_asks_for_a_pause_once_where_a_long_queue_overflows() -> None:
    stream = Stream()
    stream.report(1.0, 96)
    stream.report(1.5, 121)
    stream.report(2.0, 146)
    pause = stream.controller.take_pause()
    assert pause is not None
    assert 0.25 < pause <= 0.5
    stream.report(2.5, 171)
    assert stream.controller.take_pause() is None


def test_delay_based_is_not_empty_while_packets_are_lost() -> None:
    stream = Stream()
    stream.report(1.0, 96)
    stream.report(2.0, 196)
    stream.losses.add(2.0, 0.5)
    assert not stream.controller.is_empty(2.0)
