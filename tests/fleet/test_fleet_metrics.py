"""What Prometheus reads of a fleet."""

from __future__ import annotations

from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agent.fleet.collector import CollectorCounts
from agent.fleet.fleet_metrics import LABELS_AT_MOST, FleetMetrics
from agent.fleet.fleet_store import Written
from agent.fleet.intake import Collected
from tests.fleet.samples import closed, collected


def tell(metrics: FleetMetrics, *said: Collected) -> None:
    metrics.written(said, Written(tuple(each for each in said if each.event_id)))


def value(metrics: FleetMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def fleet(**fields: Any) -> FleetMetrics:
    metrics = FleetMetrics(CollectorCounts(**fields))
    tell(
        metrics,
        collected("door-1", "about", {"uid": "door-1", "version": "1.0", "model": "Pi"}),
        collected("door-1", "status", {"state": "online", "version": "1.0"}),
    )
    return metrics


KIND = {"version": "1.0", "model": "Pi"}


def test_metrics_count_calls_by_bounded_labels() -> None:
    metrics = fleet()
    tell(metrics, collected("door-1", "events/closed", closed(reason="a_newer_word")))
    labels = {"direction": "incoming", "result": "connected", "reason": "other"}
    assert value(metrics, "callbox_calls_total", **KIND, **labels) == 1
    assert value(metrics, "callbox_time_to_first_frame_seconds_bucket", **KIND, le="0.5") == 1
    assert value(metrics, "callbox_time_to_first_frame_seconds_bucket", **KIND, le="0.3") == 0
    assert value(metrics, "callbox_call_seconds_total", **KIND) == 10


def test_metrics_do_not_count_a_repeated_event() -> None:
    metrics = fleet()
    record = collected("door-1", "events/closed", closed())
    metrics.written([record], Written((), 1))
    assert value(metrics, "callbox_call_seconds_total", **KIND) is None


def test_metrics_never_name_a_device_or_a_caller() -> None:
    metrics = fleet()
    tell(metrics, collected("door-1", "events/closed", closed(remoteUid="alice")))
    text = generate_latest(metrics.registry).decode()
    assert "door-1" not in text
    assert "alice" not in text


def test_metrics_count_devices_by_state() -> None:
    metrics = fleet()
    tell(metrics, collected("door-2", "status", {"state": "online", "version": "1.0"}))
    tell(metrics, collected("door-2", "status", {"state": "offline"}))
    assert value(metrics, "callbox_devices", **KIND, state="online") == 1
    assert value(metrics, "callbox_devices", version="1.0", model="", state="offline") == 1


def test_metrics_count_hours_and_crashes_over_a_restart() -> None:
    metrics = fleet()
    for uptime, crashes in ((3600, 0), (7200, 0), (1800, 1)):
        body = {"processUptimeSeconds": uptime, "crashes": crashes, "outboxWaiting": 3}
        tell(metrics, collected("door-1", "health", body))
    assert value(metrics, "callbox_device_hours_total", **KIND) == 1.5
    assert value(metrics, "callbox_device_crashes_total", **KIND) == 1
    assert value(metrics, "callbox_outbox_waiting") == 3


def test_metrics_of_odd_health_are_not_known() -> None:
    metrics = fleet()
    for odd in ("x", -1, True, 10**400, None):
        tell(metrics, collected("door-1", "health", {"processUptimeSeconds": odd, "crashes": odd}))
    assert value(metrics, "callbox_device_hours_total", **KIND) is None


def test_metrics_tell_a_bounded_number_of_versions_apart() -> None:
    metrics = fleet()
    for number in range(LABELS_AT_MOST + 50):
        tell(
            metrics, collected(f"d{number}", "status", {"state": "online", "version": f"v{number}"})
        )
    text = generate_latest(metrics.registry).decode()
    versions = {
        sample.labels["version"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "version" in sample.labels
    }
    assert len(versions) <= LABELS_AT_MOST + 2
    assert "other" in versions


def test_metrics_count_rings_and_those_that_were_missed() -> None:
    metrics = fleet()
    tell(metrics, *(collected("door-1", f"events/{e}", {"eventId": e}) for e in ("ring", "missed")))
    assert value(metrics, "callbox_rings_total", **KIND) == 1
    assert value(metrics, "callbox_rings_missed_total", **KIND) == 1


def test_metrics_tell_how_the_collector_does() -> None:
    metrics = fleet(messages=7, rejected=2, behind=0.25)
    assert value(metrics, "callbox_collector_messages_total") == 7
    assert value(metrics, "callbox_collector_rejected_total") == 2
    assert value(metrics, "callbox_collector_lag_seconds") == 0.25
