"""One call from its invitation to its close, as every device that was in it tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agent.core.timestamps import format_time, parse_time
from agent.fleet.fleet_store import FleetStore, Row

# rows of one conversation that are looked at; a day of statistics in steps of 30 s has 2,880
_EVENTS = 500
_STATISTICS = 6000
# the times of day in a record, and what happened then
_MARKS = {
    "invitedAt": "invited",
    "answeredAt": "answered",
    "connectedAt": "connected",
    "talkAt": "talking",
    "endedAt": "closed",
}
# milliseconds since the invitation, and what was there then; `response` and `dtls` stand above
_PHASES = {"ice": "ice", "firstFrame": "first_frame"}
_DETAILS = ("reason", "closedBy", "callStatus", "rule", "button", "output", "action", "by", "code")


def call_story(store: FleetStore, conversation: str) -> dict[str, Any]:
    """`records` (the bodies of `closed`), `steps` in order of time (`timestamp`, `step`, `device`
    and what is known of it), and `statistics`: for each device the points that were kept. Empty
    where nobody has heard of it.
    """
    conversation = conversation.lower()
    rows = store.query(
        "SELECT device, kind, at, body FROM event WHERE conversation = ? ORDER BY at LIMIT ?",
        (conversation, _EVENTS),
    )
    if not rows:
        return {}
    records: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for row in rows:
        body = _object(row["body"])
        if row["kind"] == "closed":
            records.append(body)
            steps += _steps_of_record(body, row["device"])
        else:
            steps.append(_step(row["at"], row["kind"], row["device"], body))
    steps.sort(key=lambda each: each["timestamp"])
    points = [
        point
        for device in sorted({row["device"] for row in rows})
        for point in _points(store, device, conversation)
    ]
    return {
        "conversation": conversation,
        "records": records,
        "steps": steps,
        "statistics": points,
    }


def _steps_of_record(body: dict[str, Any], device: str) -> Iterator[dict[str, Any]]:
    for name, step in _MARKS.items():
        at = _milliseconds(body.get(name))
        if at is not None:
            yield _step(at, step, device, body if step == "closed" else {})
    invited, setup = _milliseconds(body.get("invitedAt")), body.get("setup")
    if invited is None or not isinstance(setup, dict):
        return
    for name, step in _PHASES.items():
        span = setup.get(name)
        if isinstance(span, int | float) and not isinstance(span, bool) and 0 <= span < 1e9:
            yield _step(round(invited + span), step, device, {})


def _step(at: int, step: str, device: str, body: dict[str, Any]) -> dict[str, Any]:
    known = {name: body[name] for name in _DETAILS if isinstance(body.get(name), str)}
    return {"timestamp": format_time(at / 1000), "step": step, "device": device} | known


def _points(store: FleetStore, device: str, conversation: str) -> Iterator[dict[str, Any]]:
    rows = store.query(
        "SELECT kind, at, body FROM statistics WHERE device = ? AND conversation = ? "
        "ORDER BY at LIMIT ?",
        (device, conversation, _STATISTICS),
    )
    for row in rows:
        yield {"device": device} | _point(row)


def _point(row: Row) -> dict[str, Any]:
    body = _object(row["body"])
    video, transport = (_object(body.get(name)) for name in ("video", "transport"))
    values = {
        "bitrate": _number(video, "bitrate"),
        "framesPerSecond": _number(video, "framesPerSecond"),
        "roundTripTime": _number(transport, "currentRoundTripTime")
        or _number(video, "roundTripTime"),
        "loss": _number(video, "fractionLost"),
    }
    return {
        "timestamp": format_time(row["at"] / 1000),
        "kind": row["kind"],
    } | {name: value for name, value in values.items() if value is not None}


def _number(body: dict[str, Any], name: str) -> float | None:
    value = body.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _milliseconds(value: Any) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return round(parse_time(value) * 1000)
    except ValueError:
        return None


def _object(value: Any) -> dict[str, Any]:
    """A body, which SQLite gives as text and PostgreSQL as an object."""
    if isinstance(value, str):
        value = json.loads(value)
    return value if isinstance(value, dict) else {}
