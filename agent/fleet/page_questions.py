"""What the fleet's page asks, each as one object for JSON. What would be counted call by call is
read from the sums by the hour or the day, so that millions of calls are answered from thousands of
rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.core.timestamps import format_time
from agent.fleet import fleet_questions as ask
from agent.fleet.call_row import MEASURES
from agent.fleet.call_story import call_story
from agent.fleet.call_sums import DAY, HOUR, sums_since
from agent.fleet.device_faults import SILENCE
from agent.fleet.fleet_store import FleetStore, Row

# milliseconds; up to so long hours are told apart, beyond it days
_BY_HOUR = 3 * DAY
DEVICES_SHOWN = 300
CALLS_SHOWN = 50
SPANS = {"24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "365d": 365 * DAY}


class UnknownQuestion(Exception):  # noqa: N818 - as an HTTP status, 404
    """There is no such question, or nothing to answer it with."""


def answer(store: FleetStore, name: str, wanted: dict[str, str], now: int) -> dict[str, Any]:
    """The answer to `api/NAME?WANTED`. Raises UnknownQuestion, StoreUnavailable."""
    since = now - SPANS.get(wanted.get("since", ""), DAY)
    match name:
        case "devices":
            return device_overview(store, now)
        case "device":
            found = ask.device(store, wanted.get("uid", ""), now, now - 7 * DAY, CALLS_SHOWN)
            if found:
                return found[0]
        case "overview":
            return call_overview(store, since, now)
        case "calls":
            result = wanted.get("result") or None
            return {"calls": ask.calls(store, since, CALLS_SHOWN, result=result)}
        case "call":
            story = call_story(store, wanted.get("conversation", ""))
            if story:
                return story
    raise UnknownQuestion


def device_overview(store: FleetStore, now: int) -> dict[str, Any]:
    """How many devices are in which state, and those that need somebody first."""
    row = store.query(
        "SELECT COUNT(*) AS devices, "
        "SUM(CASE WHEN state = 'online' AND last_seen >= ? THEN 1 ELSE 0 END) AS online, "
        "SUM(CASE WHEN state = 'online' AND last_seen < ? THEN 1 ELSE 0 END) AS silent, "
        "SUM(CASE WHEN state = 'offline' THEN 1 ELSE 0 END) AS offline, "
        "SUM(CASE WHEN state = 'online' AND busy = 1 THEN 1 ELSE 0 END) AS busy FROM device",
        (now - SILENCE, now - SILENCE),
    )[0]
    return {
        "states": {name: int(row[name] or 0) for name in row},
        "devices": ask.devices(store, now, DEVICES_SHOWN),
    }


def call_overview(store: FleetStore, since: int, now: int) -> dict[str, Any]:
    """Calls over time by result, why they ended, and how long and how good they were."""
    step, unit = (HOUR, "hour") if now - since <= _BY_HOUR else (DAY, "day")
    begin = since - since % step
    rows = store.query(
        f"SELECT {unit} AS moment, result, SUM(calls) AS calls, SUM(dropped) AS dropped, "  # noqa: S608
        f"SUM(relayed) AS relayed, SUM(duration) AS duration FROM call_{unit} WHERE {unit} >= ? "
        f"GROUP BY {unit}, result ORDER BY {unit}",
        (begin,),
    )
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["result"]] = totals.get(row["result"], 0) + int(row["calls"])
    return {
        "since": format_time(begin / 1000),
        "step": step // 1000,
        "results": totals,
        "dropped": sum(int(row["dropped"]) for row in rows),
        "relayed": sum(int(row["relayed"]) for row in rows),
        "duration": round(sum(float(row["duration"]) for row in rows), 1),
        "overTime": _over_time(rows),
        "reasons": ask.reasons(store, begin, CALLS_SHOWN),
        "distributions": distributions(store, begin),
    }


def distributions(store: FleetStore, since: int) -> dict[str, dict[str, Any]]:
    """By measure: `ends`, the upper ends of the buckets (the last one has none), and `calls` in
    each; seconds, shares 0..1, or MOS. Measures of which nothing is known are left out.
    """
    sums, moments = sums_since("span", since)
    rows = store.query(
        f"SELECT measure, bucket, SUM(calls) AS calls FROM {sums} GROUP BY measure, bucket",  # noqa: S608
        moments,
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        ends = MEASURES.get(row["measure"])
        if ends is None or not 0 <= row["bucket"] <= len(ends):
            continue
        empty = {"ends": list(ends), "calls": [0] * (len(ends) + 1)}
        found.setdefault(row["measure"], empty)["calls"][row["bucket"]] += int(row["calls"])
    for each in found.values():
        each["median"] = _quantile(each["ends"], each["calls"], 0.5)
        each["p95"] = _quantile(each["ends"], each["calls"], 0.95)
        each["p5"] = _quantile(each["ends"], each["calls"], 0.05)
    return found


def _over_time(rows: Sequence[Row]) -> list[dict[str, Any]]:
    moments: dict[int, dict[str, Any]] = {}
    for row in rows:
        moment = moments.setdefault(
            row["moment"], {"timestamp": format_time(row["moment"] / 1000), "results": {}}
        )
        moment["results"][row["result"]] = int(row["calls"])
    return list(moments.values())


def _quantile(ends: Sequence[float], calls: Sequence[int], share: float) -> float | None:
    """The upper end of the bucket that has it; None: above all, or nothing was counted."""
    wanted, below = sum(calls) * share, 0
    for end, count in zip(ends, calls, strict=False):
        below += count
        if below and below >= wanted:
            return end
    return None
