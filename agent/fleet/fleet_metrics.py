"""The fleet as Prometheus reads it. Labels are few and bounded; a uid is never one.

Counters count since the collector started, as Prometheus expects. What a device says of itself is
kept by device, so that its state is counted once.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as MetricSource

from agent.fleet.call_row import BUCKETS, CallResult, CallRow, call_row
from agent.fleet.call_sums import DROPPED
from agent.fleet.collector import CollectorCounts
from agent.fleet.fleet_store import Written
from agent.fleet.intake import Collected, Reject

# versions and models that are told apart; what comes beyond counts as `other`
LABELS_AT_MOST = 200
OTHER = "other"
_MOS = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5)
_LOSS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
_ROUND_TRIP = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
_KIND = ("version", "model")


@dataclass(slots=True)
class _Device:
    """What one device last said."""

    version: str = ""
    model: str = ""
    state: str = "unknown"
    uptime: float | None = None
    crashes: float | None = None
    outbox: float = 0.0


class FleetMetrics:
    """Told of every batch that was committed; `registry` is what is scraped."""

    def __init__(self, counts: CollectorCounts) -> None:
        self.registry = CollectorRegistry()
        self._devices: dict[str, _Device] = {}
        self._labels: tuple[set[str], set[str]] = (set(), set())
        self._calls = self._counter(
            "callbox_calls", "Call records", *_KIND, "direction", "result", "reason"
        )
        self._dropped = self._counter("callbox_calls_dropped", "Connected, then lost", *_KIND)
        self._relayed = self._counter("callbox_calls_relayed", "By a TURN relay", *_KIND)
        self._talked = self._counter("callbox_call_seconds", "Time connected", *_KIND)
        self._freezes = self._counter("callbox_freezes", "Freezes of the picture", *_KIND)
        self._frozen = self._counter("callbox_freeze_seconds", "Time frozen", *_KIND)
        self._response = self._histogram(
            "callbox_time_to_response_seconds", "Invitation to answer", BUCKETS
        )
        self._first_frame = self._histogram(
            "callbox_time_to_first_frame_seconds", "Invitation to picture", BUCKETS
        )
        self._mos = self._histogram("callbox_mos", "Estimated quality, 1 to 5", _MOS)
        self._loss = self._histogram("callbox_loss_ratio", "Lost packets of the picture", _LOSS)
        self._round_trip = self._histogram(
            "callbox_round_trip_seconds", "Mean of a call", _ROUND_TRIP
        )
        self._rings = self._counter("callbox_rings", "Presses that counted", *_KIND)
        self._missed = self._counter("callbox_rings_missed", "Nobody took them", *_KIND)
        self._hours = self._counter("callbox_device_hours", "Hours of operation", *_KIND)
        self._crashes = self._counter("callbox_device_crashes", "Ends without order", *_KIND)
        self.registry.register(_Gauges(self._devices, counts))

    def written(self, batch: Sequence[Collected | Reject], written: Written) -> None:
        """A batch was committed: its statuses and health, and the events that were new."""
        for each in batch:
            if isinstance(each, Collected) and not each.event_id:
                self._say(each)
        for each in written.new:
            self._count(each)

    def _say(self, each: Collected) -> None:
        device = self._devices.setdefault(each.device, _Device())
        body = each.body
        if each.kind == "status":
            device.state = "online" if body.get("state") == "online" else "offline"
        if each.kind in ("status", "about"):
            device.version = self._bounded(0, body.get("version")) or device.version
        if each.kind == "about":
            device.model = self._bounded(1, body.get("model")) or device.model
        if each.kind == "health":
            self._hear(device, body)

    def _hear(self, device: _Device, body: dict[str, Any]) -> None:
        kind = (device.version, device.model)
        uptime, crashes = _number(body, "processUptimeSeconds"), _number(body, "crashes")
        if uptime is not None and device.uptime is not None:
            # a process that began anew has run for so long as it says
            passed = uptime - device.uptime if uptime >= device.uptime else uptime
            self._hours.labels(*kind).inc(passed / 3600)
        if crashes is not None and device.crashes is not None:
            self._crashes.labels(*kind).inc(max(0.0, crashes - device.crashes))
        device.uptime, device.crashes = uptime, crashes
        device.outbox = _number(body, "outboxWaiting") or 0.0

    def _count(self, each: Collected) -> None:
        device = self._devices.get(each.device, _Device())
        kind = (device.version, device.model)
        match each.kind:
            case "closed":
                self._count_call(kind, call_row(each.body))
            case "ring":
                self._rings.labels(*kind).inc()
            case "missed":
                self._missed.labels(*kind).inc()

    def _count_call(self, kind: tuple[str, str], call: CallRow) -> None:
        self._calls.labels(*kind, call.direction, call.result.value, call.reason).inc()
        connected = call.result is CallResult.CONNECTED
        self._dropped.labels(*kind).inc(connected and call.reason in DROPPED)
        self._relayed.labels(*kind).inc(bool(call.relayed))
        self._talked.labels(*kind).inc(max(0.0, call.duration))
        self._freezes.labels(*kind).inc(max(0, call.freeze_count or 0))
        self._frozen.labels(*kind).inc(max(0.0, call.freezes_duration or 0.0))
        for histogram, value in (
            (self._response, call.time_to_response),
            (self._first_frame, call.time_to_first_frame),
            (self._mos, call.mos),
            (self._loss, call.loss),
            (self._round_trip, call.round_trip_time),
        ):
            if value is not None:
                histogram.labels(*kind).observe(value)

    def _bounded(self, which: int, value: object) -> str:
        """A label that a device chose: of limited length and number."""
        if not isinstance(value, str) or not value:
            return ""
        label, known = value[:64], self._labels[which]
        if label not in known and len(known) >= LABELS_AT_MOST:
            return OTHER
        known.add(label)
        return label

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(name, text, _KIND, buckets=buckets, registry=self.registry)


class _Gauges(MetricSource):
    """What stands at the moment of the scrape."""

    def __init__(self, devices: dict[str, _Device], counts: CollectorCounts) -> None:
        self._devices = devices
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        # a copy: the scrape runs in a thread of its own
        devices = list(self._devices.values())
        states = GaugeMetricFamily(
            "callbox_devices", "By what they last said", labels=[*_KIND, "state"]
        )
        tally = Tally((each.version, each.model, each.state) for each in devices)
        for labels, number in sorted(tally.items()):
            states.add_metric(labels, number)
        yield states
        waiting = sum(each.outbox for each in devices)
        yield GaugeMetricFamily("callbox_outbox_waiting", "Events on devices", value=waiting)
        counts = self._counts
        for name, text, value in (
            ("messages", "Messages that arrived", counts.messages),
            ("events", "Events that were stored", counts.events),
            ("repeated", "Deliveries that were repeated", counts.repeated),
            ("rejected", "Messages that could not be read", counts.rejected),
            ("store_failures", "Batches that had to be tried again", counts.failures),
        ):
            metric = Metric(f"callbox_collector_{name}", text, "counter")
            metric.add_sample(f"callbox_collector_{name}_total", {}, value)
            yield metric
        yield GaugeMetricFamily(
            "callbox_collector_lag_seconds",
            "From arrival to commit, of the last batch",
            value=counts.behind,
        )


def _number(body: dict[str, Any], name: str) -> float | None:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 2**53 else None
