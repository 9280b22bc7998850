"""What people ask of a fleet. Every answer is a list of plain objects with PROTOCOL's names: times
are RFC 3339, spans seconds, shares 0..1; what is not known is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agent.core.timestamps import format_time
from agent.fleet.call_row import BUCKETS
from agent.fleet.call_sums import sums_since
from agent.fleet.device_faults import device_faults, faults_in_sql, is_silent
from agent.fleet.fleet_store import FleetStore, Row

Answer = list[dict[str, Any]]

_CALL_NAMES = {
    "device": "device",
    "conversation": "conversation",
    "remote_uid": "remoteUid",
    "direction": "direction",
    "via": "via",
    "result": "result",
    "reason": "reason",
    "call_status": "callStatus",
    "version": "version",
    "duration": "duration",
    "time_to_response": "timeToResponse",
    "time_to_first_frame": "timeToFirstFrame",
    "reconnects": "reconnects",
    "mos": "mos",
    "freeze_count": "freezeCount",
    "freezes_duration": "totalFreezesDuration",
    "round_trip_time": "roundTripTime",
    "loss": "loss",
}


def devices(store: FleetStore, now: int, limit: int) -> Answer:
    """Every device as it is, those that need somebody first."""
    faults, numbers = faults_in_sql(now)
    rows = store.query(
        "SELECT * FROM device WHERE uid IN "  # noqa: S608 - an expression of ours
        f"(SELECT uid FROM device ORDER BY {faults} DESC, uid LIMIT ?)",
        [*numbers, limit],
    )
    found = [_device(row, now) for row in rows]
    return sorted(found, key=lambda each: (-len(each.get("faults", ())), each["device"]))


def calls(
    store: FleetStore,
    since: int,
    limit: int,
    device: str | None = None,
    *,
    result: str | None = None,
) -> Answer:
    """The latest calls, the newest first."""
    where, values = ("AND device = ? ", [device]) if device else ("", [])
    if result is not None:
        where, values = where + "AND result = ? ", [*values, result]
    rows = store.query(
        f"SELECT * FROM call WHERE at >= ? {where}ORDER BY at DESC LIMIT ?",  # noqa: S608
        [since, *values, limit],
    )
    return [_call(row) for row in rows]


def device(store: FleetStore, uid: str, now: int, since: int, limit: int) -> Answer:
    """One device, with its latest calls and events. Empty where nobody has heard of it."""
    rows = store.query("SELECT * FROM device WHERE uid = ?", (uid,))
    if not rows:
        return []
    events = store.query(
        "SELECT kind, at, body FROM event WHERE device = ? AND kind <> 'closed' AND at >= ? "
        "ORDER BY at DESC LIMIT ?",
        (uid, since, limit),
    )
    return [
        _device(rows[0], now)
        | {
            "about": _object(rows[0]["about"]),
            "health": _object(rows[0]["health"]),
            "calls": calls(store, since, limit, uid),
            "events": [_object(each["body"]) for each in events],
        }
    ]


def worst(store: FleetStore, now: int, limit: int) -> Answer:
    """The devices for which somebody should do something, and what."""
    return [each for each in devices(store, now, limit) if each.get("faults")]


def versions(store: FleetStore, since: int, limit: int) -> Answer:
    """How each version does: devices that have it, calls, and how many of them failed."""
    having = {
        row["version"] or "": row["n"]
        for row in store.query("SELECT version, COUNT(*) AS n FROM device GROUP BY version")
    }
    sums, moments = sums_since("call", since)
    rows = store.query(
        "SELECT version, result, SUM(calls) AS calls, SUM(dropped) AS dropped, "  # noqa: S608
        f"SUM(relayed) AS relayed FROM {sums} GROUP BY version, result",
        moments,
    )
    known = sorted({*having, *(row["version"] for row in rows)})
    answer = []
    for version in known[:limit]:
        counted = {row["result"]: row for row in rows if row["version"] == version}
        total = {name: _total(counted.values(), name) for name in ("calls", "dropped", "relayed")}
        failed = int(counted["failed"]["calls"]) if "failed" in counted else 0
        first = quantile(store, "first_frame", since, 0.95, version)
        answer.append(
            _known(
                version=version or "unknown",
                devices=having.get(version, 0),
                failed=failed,
                **total,
                timeToFirstFrameP95=first,
            )
        )
    return answer


def reasons(store: FleetStore, since: int, limit: int) -> Answer:
    """Why calls ended, the most frequent first."""
    sums, moments = sums_since("call", since)
    rows = store.query(
        f"SELECT result, reason, direction, SUM(calls) AS calls FROM {sums} "  # noqa: S608
        "GROUP BY result, reason, direction ORDER BY SUM(calls) DESC LIMIT ?",
        [*moments, limit],
    )
    return [dict(row) | {"calls": int(row["calls"])} for row in rows]


def quantile(
    store: FleetStore, measure: str, since: int, share: float, version: str | None = None
) -> float | None:
    """The upper end of the bucket in which `share` of all lie, in seconds; None where none was
    measured or it lies above all buckets.
    """
    where, values = ("AND version = ? ", [version]) if version is not None else ("", [])
    sums, moments = sums_since("span", since)
    rows = store.query(
        f"SELECT bucket, SUM(calls) AS calls FROM {sums} WHERE measure = ? "  # noqa: S608
        f"{where}GROUP BY bucket ORDER BY bucket",
        [*moments, measure, *values],
    )
    wanted = sum(int(row["calls"]) for row in rows) * share
    below = 0
    for row in rows:
        below += int(row["calls"])
        if below >= wanted:
            return BUCKETS[row["bucket"]] if row["bucket"] < len(BUCKETS) else None
    return None


def records(store: FleetStore, since: int) -> Iterator[dict[str, Any]]:
    """Every record, the oldest first, a thousand at a time."""
    last = (since, "", "")
    while True:
        rows = store.query(
            "SELECT * FROM call WHERE (at, device, event_id) > (?, ?, ?) "
            "ORDER BY at, device, event_id LIMIT 1000",
            last,
        )
        yield from map(_call, rows)
        if not rows:
            return
        last = (rows[-1]["at"], rows[-1]["device"], rows[-1]["event_id"])


CALL_COLUMNS = ("timestamp", "endedAt", *_CALL_NAMES.values(), "relayed")


def _device(row: Row, now: int) -> dict[str, Any]:
    health = _object(row["health"])
    faults = device_faults(row, health, now)
    return _known(
        device=row["uid"],
        state="silent" if is_silent(row, now) else row["state"] or "unknown",
        busy=None if row["busy"] is None else bool(row["busy"]),
        since=_time(row["state_since"]),
        lastSeen=_time(row["last_seen"]),
        version=row["version"],
        model=row["model"],
        temperatureCelsius=health.get("temperatureCelsius"),
        faults=[each.code for each in faults] or None,
        advice="; ".join(each.advice for each in faults) or None,
    )


def _call(row: Row) -> dict[str, Any]:
    named = {wire: row[column] for column, wire in _CALL_NAMES.items() if row[column] != ""}
    relayed = row["relayed"]
    return _known(
        timestamp=_time(row["at"]),
        endedAt=_time(row["ended_at"]),
        **named,
        relayed=None if relayed is None else bool(relayed),
    )


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _total(rows: Any, name: str) -> int:
    return sum(int(row[name]) for row in rows)


def _object(value: Any) -> dict[str, Any]:
    """A body, which SQLite gives as text and PostgreSQL as an object."""
    if isinstance(value, str):
        value = json.loads(value)
    return value if isinstance(value, dict) else {}


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else format_time(milliseconds / 1000)
