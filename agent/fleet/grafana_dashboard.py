"""The fleet's dashboard for Grafana, as the JSON that it imports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_WIDTH = 8
_HEIGHT = 8
_COLUMNS = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_CHOSEN = 'version=~"$version"'


@dataclass(frozen=True, slots=True)
class Panel:
    """`queries` are pairs of an expression and the name of its series."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    kind: str = "timeseries"


def _rate(metric: str, by: str, more: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{{_CHOSEN}{more}}}[$__rate_interval]))"


def _quantiles(metric: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"histogram_quantile({share}, {_rate(metric + '_bucket', 'le')})", f"p{share * 100:.0f}")
        for share in (0.5, 0.95, 0.99)
    )


def _share(part: str, whole: str) -> str:
    return f"{part} / ({whole} > 0)"


_CONNECTED = _rate("callbox_calls_total", "version", ', result="connected"')

PANELS = (
    Panel("Devices online", "none", (('sum(callbox_devices{state="online"})', "online"),), "stat"),
    Panel(
        "Calls in the last day",
        "none",
        ((f"sum(increase(callbox_calls_total{{{_CHOSEN}}}[1d]))", "calls"),),
        "stat",
    ),
    Panel(
        "Calls that failed, last day",
        "percentunit",
        (
            (
                _share(
                    f'sum(increase(callbox_calls_total{{{_CHOSEN}, result="failed"}}[1d]))',
                    f'sum(increase(callbox_calls_total{{{_CHOSEN}, result!="superseded"}}[1d]))',
                ),
                "failed",
            ),
        ),
        "stat",
    ),
    Panel("Calls by result", "cps", ((_rate("callbox_calls_total", "result"), "{{result}}"),)),
    Panel(
        "Why calls failed",
        "cps",
        ((_rate("callbox_calls_total", "reason", ', result="failed"'), "{{reason}}"),),
    ),
    Panel("Devices by state", "none", (("sum by (state) (callbox_devices)", "{{state}}"),)),
    Panel("Invitation to answer", "s", _quantiles("callbox_time_to_response_seconds")),
    Panel("Invitation to picture", "s", _quantiles("callbox_time_to_first_frame_seconds")),
    Panel("Estimated quality (MOS)", "none", _quantiles("callbox_mos")),
    Panel(
        "Connected, then lost, by version",
        "percentunit",
        (
            (
                _share(_rate("callbox_calls_dropped_total", "version"), _CONNECTED),
                "{{version}}",
            ),
        ),
    ),
    Panel(
        "Relayed, by version",
        "percentunit",
        (
            (
                _share(_rate("callbox_calls_relayed_total", "version"), _CONNECTED),
                "{{version}}",
            ),
        ),
    ),
    Panel(
        "Time frozen of the time connected",
        "percentunit",
        (
            (
                _share(
                    _rate("callbox_freeze_seconds_total", "version"),
                    _rate("callbox_call_seconds_total", "version"),
                ),
                "{{version}}",
            ),
        ),
    ),
    Panel("Packets lost", "percentunit", _quantiles("callbox_loss_ratio")),
    Panel("Round trip", "s", _quantiles("callbox_round_trip_seconds")),
    Panel(
        "Rings",
        "cps",
        (
            (_rate("callbox_rings_total", "version"), "{{version}}"),
            (_rate("callbox_rings_missed_total", "version"), "{{version}} missed"),
        ),
    ),
    Panel(
        "Hours of operation for each crash, last day",
        "h",
        (
            (
                _share(
                    f"sum by (version) (increase(callbox_device_hours_total{{{_CHOSEN}}}[1d]))",
                    f"sum by (version) (increase(callbox_device_crashes_total{{{_CHOSEN}}}[1d]))",
                ),
                "{{version}}",
            ),
        ),
    ),
    Panel("Events that wait on devices", "none", (("callbox_outbox_waiting", "waiting"),)),
    Panel(
        "Collector: messages",
        "cps",
        tuple(
            (f"sum(rate(callbox_collector_{name}_total[$__rate_interval]))", name)
            for name in ("messages", "events", "repeated", "rejected", "store_failures")
        ),
    ),
    Panel("Collector: arrival to commit", "s", (("callbox_collector_lag_seconds", "lag"),)),
)


def dashboard_file() -> str:
    """The JSON of the dashboard, for Grafana 9 and newer."""
    panels = [_panel(number, each) for number, each in enumerate(PANELS)]
    dashboard = {
        "uid": "callbox-fleet",
        "title": "callbox: the fleet",
        "tags": ["callbox"],
        "timezone": "browser",
        "schemaVersion": 38,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": [_datasource(), _versions()]},
        "panels": panels,
    }
    return json.dumps(dashboard, indent=2) + "\n"


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Source", "type": "datasource", "query": "prometheus"}


def _versions() -> dict[str, Any]:
    return {
        "name": "version",
        "label": "Version",
        "type": "query",
        "datasource": _SOURCE,
        "query": "label_values(callbox_devices, version)",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    across = _COLUMNS // _WIDTH
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {
            "x": number % across * _WIDTH,
            "y": number // across * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": expr, "legendFormat": legend}
            for index, (expr, legend) in enumerate(panel.queries)
        ],
    }
