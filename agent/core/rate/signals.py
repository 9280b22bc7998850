"""What is known of the path: the parts that read what is reported, and what they say together."""

from __future__ import annotations

from agent.core.rate.delay_based import DelayBasedController
from agent.core.rate.feedback_timeout import FeedbackTimeout
from agent.core.rate.loss_meter import LossMeter
from agent.core.rate.nacks import NackCounter
from agent.core.rate.outage import Outage, OutageDetector
from agent.core.rate.pacer_queue import PacerQueueMonitor
from agent.core.rate.probing import Fits, Probe, Prober
from agent.core.rate.rate_history import RateHistory
from agent.core.rate.receiver_report import ReceiverReport
from agent.core.rate.remb import RembEstimate
from agent.core.rate.round_trip import OveruseDetector


class Signals:
    """Of one conversation. Rates in bit/s; `target` is the encoder's."""

    def __init__(self) -> None:
        self.overuse = OveruseDetector()
        self.loss = LossMeter()
        self.delay_based = DelayBasedController(self.loss)
        self.remb = RembEstimate()
        self.nacks = NackCounter()
        self.pacer_queue = PacerQueueMonitor()
        self.feedback = FeedbackTimeout()
        self.outages = OutageDetector()
        self.prober = Prober()
        self.sent = RateHistory()
        """As measured, retransmissions too."""

    def lost_run(self, now: float, first: int, last: int) -> Outage | None:
        """The outage that a request for all packets from `first` to `last` tells of."""
        arrivals = self.delay_based.arrivals
        return self.outages.lost(now, arrivals.left_at(first), arrivals.left_at(last))

    def taints(self, now: float, highest_sequence: int | None) -> bool:
        """Whether a report that names this packet as the newest tells of an outage."""
        left_at = None
        if highest_sequence is not None:
            left_at = self.delay_based.arrivals.left_at(highest_sequence)
        return self.outages.taints_report(now, left_at)

    def begin_anew(self, now: float, report: ReceiverReport) -> None:
        """After an outage: nothing from before it is compared with what comes."""
        arrivals = self.delay_based.arrivals
        arrivals.forget_reports()
        self.delay_based.report(now, report, self.overuse.base)

    def probe(self, now: float, target: float, estimate: float, most: float) -> Probe | None:
        """One to send now: no queue stands, and what is allowed is used."""
        if not (self.delay_based.is_empty(now) and self.delay_based.is_told(now)):
            self.prober.disturb()
            return None
        if self.sending(now, target) < self.prober.options.used * target:
            return None
        return self.prober.due(now, estimate, most)

    def probed(self, now: float) -> Fits | None:
        """What a probe that is over has shown."""
        transport = self.delay_based.transport
        return self.prober.judge(now, transport.newest_told, transport.arrived)

    def sending(self, now: float, target: float) -> float:
        """What leaves, as far as known."""
        measured = self.sent.last(now)
        return target if measured is None else min(target, measured)

    def losing(self, now: float, target: float) -> bool:
        ratio = self.nacks.ratio(now, target)
        return max(self.loss.fraction, ratio) > self.loss.options.low

    def may_grow(self, now: float, target: float) -> bool:
        """Whether a report came lately, and nothing waits or is lost for our sake."""
        tolerated = self.loss.options.high + 2 * self.loss.inherent
        return (
            self.feedback.has_report(now)
            and (self.delay_based.is_empty(now) or self._is_clear(now, target))
            and not self.pacer_queue.long
            and self.loss.low
            and self.nacks.ratio(now, target) <= tolerated
        )

    def _is_clear(self, now: float, target: float) -> bool:
        """As far as round trips tell."""
        waits = self.overuse.excess > self.remb.options.pause_delay
        return self.overuse.clear and not (waits and self.remb.paused(now, target))
