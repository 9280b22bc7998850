"""What people ask of a fleet. Every answer is a list of plain objects with PROTOCOL's names: times
are RFC 3339, spans seconds, shares 0..1; what is not known is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from agent.core.timestamps import format_time
from agent.fleet.call_row import BUCKETS
from agent.fleet.device_faults import device_faults
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
# for how long a device may say nothing before it is missed; it speaks every 60 s, with jitter
SILENCE = 150_000


def devices(store: FleetStore, now: int, limit: int) -> Answer:
    """Every device as it is, those that need somebody first."""
    found = [_device(row, now) for row in store.query("SELECT * FROM device")]
    found.sort(key=lambda each: (-len(each.get("faults", ())), each["device"]))
    return found[:limit]


def calls(store: FleetStore, since: int, limit: int, device: str | None = None) -> Answer:
    """The latest calls, the newest first."""
    where, values = ("AND device = ? ", [device]) if device else ("", [])
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
    rows = store.query(
        "SELECT version, result, SUM(calls) AS calls, SUM(dropped) AS dropped, "
        "SUM(relayed) AS relayed FROM call_hour WHERE hour >= ? GROUP BY version, result",
        (since,),
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
    rows = store.query(
        "SELECT result, reason, direction, SUM(calls) AS calls FROM call_hour WHERE hour >= ? "
        "GROUP BY result, reason, direction ORDER BY SUM(calls) DESC LIMIT ?",
        (since, limit),
    )
    return [dict(row) | {"calls": int(row["calls"])} for row in rows]


def quantile(
    store: FleetStore, measure: str, since: int, share: float, version: str | None = None
) -> float | None:
    """The upper end of the bucket in which `share` of all lie, in seconds; None where none was
    measured or it lies above all buckets.
    """
    where, values = ("AND version = ? ", [version]) if version is not None else ("", [])
    rows = store.query(
        "SELECT bucket, SUM(calls) AS calls FROM span_hour WHERE measure = ? AND hour >= ? "  # noqa: S608
        f"{where}GROUP BY bucket ORDER BY bucket",
        [measure, since, *values],
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
    silent = row["state"] == "online" and now - row["last_seen"] > SILENCE
    health = _object(row["health"])
    faults = device_faults(row, health, now, silent=silent)
    return _known(
        device=row["uid"],
        state="silent" if silent else row["state"] or "unknown",
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


def columns(answer: Sequence[dict[str, Any]]) -> list[str]:
    """The plain columns of an answer, in the order in which they first appear."""
    names: dict[str, None] = {}
    for each in answer:
        names.update(dict.fromkeys(k for k, v in each.items() if not isinstance(v, dict | list)))
    return list(names)
