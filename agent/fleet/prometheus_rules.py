"""Recording and alert rules for Prometheus and VictoriaMetrics, as data and as the file that
`python -m agent.fleet CONFIG` writes.

Few alerts, each with something to do. Shares are judged only where enough calls stand behind them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

# Prometheus's name for what it scrapes here
JOB = "callbox"
_HEADER = """\
# Recording and alert rules of a fleet: `make generate` writes them from
# agent/fleet/prometheus_rules.py. The scrape job is called "callbox".
"""


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A question that is asked often, answered once a minute."""

    record: str
    expr: str


@dataclass(frozen=True, slots=True)
class AlertRule:
    """`lasts` is for how long `expr` must hold."""

    alert: str
    expr: str
    lasts: str
    severity: str
    summary: str
    todo: str


_CALLS = 'sum by (version) (increase(callbox_calls_total{result!="superseded"}[1h]))'
_CONNECTED = 'sum by (version) (increase(callbox_calls_total{result="connected"}[1h]))'


def _quantile(share: float, metric: str) -> str:
    return f"histogram_quantile({share}, sum by (version, le) (rate({metric}_seconds_bucket[1h])))"


RECORDING_RULES = (
    RecordingRule("callbox:calls:increase1h", _CALLS),
    RecordingRule("callbox:calls_connected:increase1h", _CONNECTED),
    RecordingRule(
        "callbox:calls_failed:ratio1h",
        f'sum by (version) (increase(callbox_calls_total{{result="failed"}}[1h])) / ({_CALLS} > 0)',
    ),
    RecordingRule(
        "callbox:calls_dropped:ratio1h",
        f"sum by (version) (increase(callbox_calls_dropped_total[1h])) / ({_CONNECTED} > 0)",
    ),
    RecordingRule(
        "callbox:calls_relayed:ratio1h",
        f"sum by (version) (increase(callbox_calls_relayed_total[1h])) / ({_CONNECTED} > 0)",
    ),
    RecordingRule("callbox:time_to_response:p95_1h", _quantile(0.95, "callbox_time_to_response")),
    RecordingRule(
        "callbox:time_to_first_frame:p95_1h", _quantile(0.95, "callbox_time_to_first_frame")
    ),
    RecordingRule(
        "callbox:devices_online:ratio",
        'sum(callbox_devices{state="online"}) / (sum(callbox_devices) > 0)',
    ),
    RecordingRule(
        "callbox:crashes:increase1d",
        "sum by (version) (increase(callbox_device_crashes_total[1d]))",
    ),
    RecordingRule(
        "callbox:hours_per_crash:1d",
        "sum by (version) (increase(callbox_device_hours_total[1d])) / "
        "(sum by (version) (increase(callbox_device_crashes_total[1d])) > 0)",
    ),
)

ALERT_RULES = (
    AlertRule(
        "CallboxCollectorDown",
        f'up{{job="{JOB}"}} == 0 or absent(up{{job="{JOB}"}})',
        "3m",
        "critical",
        "No collector answers.",
        "systemctl status callbox-collector; the broker keeps what devices say meanwhile",
    ),
    AlertRule(
        "CallboxNothingStored",
        "increase(callbox_collector_store_failures_total[5m]) > 0",
        "5m",
        "critical",
        "The collector cannot write to its store.",
        "look at the database and its disk; nothing is acknowledged, so nothing is lost",
    ),
    AlertRule(
        "CallboxCollectorBehind",
        "callbox_collector_lag_seconds > 2",
        "5m",
        "warning",
        "Batches take more than 2 s to be committed.",
        "look at the database; more collectors share the work with mqtt.share",
    ),
    AlertRule(
        "CallboxDevicesOffline",
        "callbox:devices_online:ratio < 0.9",
        "10m",
        "warning",
        "More than a tenth of the devices are not online.",
        "callbox fleet worst; the broker and the network they share",
    ),
    AlertRule(
        "CallboxCallsFail",
        "callbox:calls_failed:ratio1h > 0.1 and callbox:calls:increase1h >= 20",
        "15m",
        "warning",
        "More than a tenth of the calls of {{ $labels.version }} fail.",
        "callbox fleet reasons --since 1h; TURN and the network first",
    ),
    AlertRule(
        "CallboxCallsDrop",
        "callbox:calls_dropped:ratio1h > 0.05 and callbox:calls_connected:increase1h >= 20",
        "15m",
        "warning",
        "More than one in twenty calls of {{ $labels.version }} is lost while connected.",
        "callbox fleet versions; compare with the version before",
    ),
    AlertRule(
        "CallboxPictureSlow",
        "callbox:time_to_first_frame:p95_1h > 3 and callbox:calls_connected:increase1h >= 20",
        "15m",
        "warning",
        "One call in twenty of {{ $labels.version }} waits more than 3 s for its picture.",
        "callbox fleet calls; a relay, a slow network, a camera that starts late",
    ),
    AlertRule(
        "CallboxCrashes",
        "callbox:hours_per_crash:1d < 500 and callbox:crashes:increase1d >= 3",
        "15m",
        "warning",
        "Devices with {{ $labels.version }} crash more often than every 500 hours.",
        "callbox fleet versions; journalctl -u callbox on one of them; stop the roll-out",
    ),
    AlertRule(
        "CallboxOutboxGrows",
        "callbox_outbox_waiting > 500 and deriv(callbox_outbox_waiting[15m]) > 0",
        "15m",
        "warning",
        "Events wait on the devices, and become more.",
        "callbox fleet worst (outbox_waiting); the broker's access rules and its limits",
    ),
    AlertRule(
        "CallboxRejects",
        "rate(callbox_collector_rejected_total[5m]) > 1",
        "10m",
        "warning",
        "More than one message a second cannot be read.",
        "the table `reject` names topic and reason",
    ),
)


def rules_file() -> str:
    """The YAML of all rules."""
    lines = [_HEADER.rstrip(), "groups:", *_group("callbox-records")]
    for rule in RECORDING_RULES:
        lines += [f"      - record: {rule.record}", f"        expr: {_quoted(rule.expr)}"]
    lines += _group("callbox-alerts")
    for alert in ALERT_RULES:
        lines += _alert_lines(alert)
    return "\n".join(lines) + "\n"


def _group(name: str) -> Sequence[str]:
    return (f"  - name: {name}", "    interval: 1m", "    rules:")


def _alert_lines(rule: AlertRule) -> Sequence[str]:
    return (
        f"      - alert: {rule.alert}",
        f"        expr: {_quoted(rule.expr)}",
        f"        for: {rule.lasts}",
        "        labels:",
        f"          severity: {rule.severity}",
        "        annotations:",
        f"          summary: {_quoted(rule.summary)}",
        f"          todo: {_quoted(rule.todo)}",
    )


def _quoted(text: str) -> str:
    """A JSON string is one of YAML."""
    return json.dumps(text)
