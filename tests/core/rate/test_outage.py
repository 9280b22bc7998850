from __future__ import annotations

import pytest

from agent.core.rate.outage import Outage, OutageDetector

TARGET = 2e6


def heard_until(detector: OutageDetector, end: float) -> None:
    for second in range(int(end) + 1):
        assert detector.heard(float(second), TARGET) is None


def test_outage_detector_silence_of_all_feedback_is_an_outage() -> None:
    detector = OutageDetector()
    heard_until(detector, 5)
    assert detector.lasting(6.5) is None
    assert detector.lasting(7.0) == Outage(5.0, 7.0, TARGET)
    assert detector.heard(8.0, TARGET) == Outage(5.0, 8.0, TARGET)
    assert detector.heard(8.1, TARGET) is None


def test_outage_detector_report_that_is_late_is_none() -> None:
    detector = OutageDetector()
    heard_until(detector, 5)
    assert detector.heard(6.5, TARGET) is None


def test_outage_detector_first_feedback_ends_none() -> None:
    assert OutageDetector().lasting(100.0) is None
    assert OutageDetector().heard(100.0, TARGET) is None


@pytest.mark.parametrize(
    ("first", "last", "is_outage"), [(4.0, 4.8, True), (4.0, 4.3, False), (None, 4.8, False)]
)
def test_outage_detector_run_of_losses_is_one_where_nothing_passed_for_long(
    first: float | None, last: float, is_outage: bool
) -> None:
    detector = OutageDetector()
    heard_until(detector, 5)
    assert (detector.lost(5.0, first, last) is not None) == is_outage


def test_outage_detector_requests_of_one_outage_tell_of_it_once() -> None:
    detector = OutageDetector()
    heard_until(detector, 5)
    assert detector.lost(5.0, 4.0, 4.8) is not None
    assert detector.settling(5.5)
    assert detector.lost(5.5, 4.0, 4.8) is None
    assert not detector.settling(7.0)


def test_outage_detector_first_report_on_what_came_after_it_is_the_last_tainted() -> None:
    detector = OutageDetector()
    heard_until(detector, 5)
    assert not detector.taints_report(5.0, 4.9)
    detector.heard(9.0, TARGET)
    assert detector.taints_report(9.0, 4.9)
    assert detector.taints_report(10.2, 10.1)
    assert not detector.taints_report(11.0, 10.9)


def test_outage_detector_without_sequence_numbers_time_ends_it() -> None:
    detector = OutageDetector()
    heard_until(detector, 5)
    detector.heard(9.0, TARGET)
    assert detector.taints_report(9.5, None)
    assert detector.taints_report(10.5, None)
    assert not detector.taints_report(11.5, None)


def test_outage_detector_remb_is_tainted_for_some_seconds() -> None:
    detector = OutageDetector()
    heard_until(detector, 5)
    detector.heard(9.0, TARGET)
    assert detector.taints_remb(12.9)
    assert not detector.taints_remb(13.1)


def test_outage_detector_less_is_kept_after_a_long_one() -> None:
    detector = OutageDetector()
    assert detector.keeps(Outage(0.0, 11.0)) < detector.keeps(Outage(0.0, 9.0)) < 1
