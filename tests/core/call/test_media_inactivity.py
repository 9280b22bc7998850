"""When a remote peer that answers checks, and nothing else, is dead behind them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.core.call.media_inactivity import MIN_REPORTS, RTCP_TIMEOUT, RtcpMonitor


class Watched:
    """A transport over which `rate` packets a second leave."""

    def __init__(self, *, reports: int = MIN_REPORTS, rate: float = 30.0) -> None:
        self.sent, self.rate = 0.0, rate
        self.received = self.reports = reports
        self.monitor = RtcpMonitor()

    def passes(self, seconds: int) -> bool:
        """Whether it is given up within them."""
        told = False
        for _ in range(4 * seconds):
            self.sent += self.rate / 4
            told |= self.monitor.timed_out(
                0.25, sent=int(self.sent), received=self.received, reports=self.reports
            )
        return told

    def hears(self, *, report: bool) -> None:
        self.received += 1
        self.reports += report


def test_rtcp_monitor_who_stops_reporting_and_says_nothing_else_is_given_up() -> None:
    watched = Watched()
    assert not watched.passes(int(RTCP_TIMEOUT) - 1)
    assert watched.passes(2)


def test_rtcp_monitor_report_a_packet_or_a_word_in_time_puts_it_off() -> None:
    for report in (True, False):
        watched = Watched()
        for _ in range(5):
            assert not watched.passes(int(RTCP_TIMEOUT) - 1)
            watched.hears(report=report)


def test_rtcp_monitor_who_never_was_used_to_report_is_not_judged_by_it() -> None:
    watched = Watched(reports=MIN_REPORTS - 1)
    assert not watched.passes(3600)
    watched.hears(report=True)
    assert watched.passes(int(RTCP_TIMEOUT) + 1)


def test_rtcp_monitor_nothing_has_to_be_said_of_nothing() -> None:
    watched = Watched()
    watched.passes(10)
    watched.rate = 0.0  # muted
    assert not watched.passes(3600)
    watched.rate = 30.0
    assert not watched.passes(int(RTCP_TIMEOUT) - 15)
    assert watched.passes(10)


def test_rtcp_monitor_one_picture_a_second_is_enough() -> None:
    assert Watched(rate=1.0).passes(int(RTCP_TIMEOUT) + 2)


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 40), st.integers(0, 2)), max_size=400))
def test_rtcp_monitor_waits_since_the_last_packet(
    passes: list[tuple[float, int, int]],
) -> None:
    monitor, sent, received, quiet = RtcpMonitor(), 0, 10, 0.0
    for seconds, leaving, coming in passes:
        sent, received = sent + leaving, received + coming
        quiet = seconds if coming else quiet + seconds
        assert (
            not monitor.timed_out(seconds, sent=sent, received=received, reports=10)
            or quiet >= RTCP_TIMEOUT - 0.001
        )
