from __future__ import annotations

from agent.core.rate.receiver_report import ReceiverReport
from agent.core.rate.signals import Signals


def reported(signals: Signals, now: float, **values: float) -> None:
    report = ReceiverReport(values.get("lost", 0.0), 0.04, 0.002)
    signals.feedback.reported(now)
    signals.overuse.add(now, values.get("round_trip", 0.04))
    signals.loss.add(now, report.fraction_lost or 0.0)


def test_signals_without_a_report_nothing_grows() -> None:
    assert not Signals().may_grow(1.0, 1e6)


def test_signals_report_without_trouble_lets_it_grow() -> None:
    signals = Signals()
    reported(signals, 1.0)
    assert signals.may_grow(1.5, 1e6)
    assert not signals.losing(1.5, 1e6)


def test_signals_loss_and_long_round_trips_hold_it() -> None:
    for trouble in ({"lost": 0.05}, {"round_trip": 0.3}):
        signals = Signals()
        reported(signals, 1.0)
        reported(signals, 2.0, **trouble)
        assert not signals.may_grow(2.0, 1e6)


def test_signals_what_leaves_is_the_target_until_it_is_measured() -> None:
    signals = Signals()
    assert signals.sending(1.0, 2e6) == 2e6
    signals.sent.add(1.0, 5e5)
    assert signals.sending(1.0, 2e6) == 5e5
    assert signals.sending(1.0, 3e5) == 3e5


def test_signals_run_of_lost_packets_is_an_outage_by_when_they_left() -> None:
    signals = Signals()
    for number in range(20):
        signals.delay_based.arrivals.sent(number / 10, number, 1200)
    assert signals.lost_run(2.0, 4, 6) is None
    outage = signals.lost_run(2.0, 4, 15)
    assert outage is not None
    assert outage.began == 0.4


def test_signals_report_is_tainted_by_when_the_packet_it_names_left() -> None:
    signals = Signals()
    for number in range(20):
        signals.delay_based.arrivals.sent(number / 10, number, 1200)
    signals.outages.end(1.5)
    assert signals.taints(1.6, 4)
    assert signals.taints(1.7, 16)
    assert not signals.taints(1.9, 18)
