"""What the fleet's questions need of a call record (PROTOCOL 5, `closed`), as plain columns. Pure.

A field of the wrong type counts as unknown: the whole record is kept beside the columns.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agent.core.call.reasons import CloseReason, Direction
from agent.core.timestamps import parse_time

# seconds; the upper ends of the buckets of every duration, so that they add up across devices. The
# last bucket is all above.
BUCKETS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
# what is added up by the hour and the day, with the upper ends of its buckets
MEASURES: dict[str, tuple[float, ...]] = {
    "response": BUCKETS,
    "first_frame": BUCKETS,
    "mos": (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.25),
    "round_trip": (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0),
    "loss": (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1),
}
OTHER = "other"
_DIRECTIONS = frozenset(direction.value for direction in Direction)
_REASONS = frozenset(reason.value for reason in CloseReason)


class CallResult(StrEnum):
    """How an attempt to call went."""

    CONNECTED = "connected"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    """It gave way to another conversation (`answeredBy`): no attempt that failed."""


_REFUSED = {"rejected", "user_busy", "privacy_mode", "low_power"}
_UNANSWERED = {"cancelled", "invite_timeout", "answered_elsewhere"}


@dataclass(frozen=True, slots=True)
class CallRow:
    """Times in milliseconds of Unix time, spans in seconds. None: not known."""

    conversation: str
    remote_uid: str
    direction: str
    via: str
    result: CallResult
    # of PROTOCOL 4, or `other`
    reason: str
    call_status: str
    ended_at: int | None
    duration: float
    # from the invitation
    time_to_response: float | None
    time_to_first_frame: float | None
    relayed: bool | None
    reconnects: int
    mos: float | None
    freeze_count: int | None
    freezes_duration: float | None
    round_trip_time: float | None
    # 0..1, of the picture's packets, as the remote peer reports them
    loss: float | None


def call_row(body: dict[str, Any]) -> CallRow:
    """The columns of one record."""
    video, setup = _object(body, "video"), _object(body, "setup")
    reason, direction = _text(body, "reason"), _text(body, "direction")
    conversation, remote_uid = names_of(body)
    return CallRow(
        conversation=conversation,
        remote_uid=remote_uid,
        direction=direction if direction in _DIRECTIONS else OTHER,
        via=_text(body, "via"),
        result=_result(body, reason),
        reason=reason if reason in _REASONS else OTHER,
        call_status=_text(body, "callStatus"),
        ended_at=_time(body, "endedAt"),
        duration=_number(body, "duration") or 0.0,
        time_to_response=_seconds(setup, "response"),
        time_to_first_frame=_seconds(setup, "firstFrame"),
        relayed=_flag(_object(body, "path"), "relayed"),
        reconnects=round(_number(body, "reconnects") or 0),
        mos=_number(_object(body, "quality"), "mos"),
        freeze_count=_count(video, "freezeCount"),
        freezes_duration=_number(video, "totalFreezesDuration"),
        round_trip_time=_number(video, "meanRoundTripTime"),
        loss=_share(_number(video, "remotePacketsLost"), _number(video, "packetsSent")),
    )


def names_of(body: dict[str, Any]) -> tuple[str, str]:
    """The conversation and the remote peer, as in `CallRow`."""
    return _text(body, "conversation").lower(), _text(body, "remoteUid")


def bucket_of(value: float, measure: str = "response") -> int:
    """The number of the bucket, 0 to the number of its upper ends."""
    return bisect_left(MEASURES[measure], value)


def measured(row: CallRow) -> dict[str, float]:
    """What is known of a call's measures."""
    found = {
        "response": row.time_to_response,
        "first_frame": row.time_to_first_frame,
        "mos": row.mos,
        "round_trip": row.round_trip_time,
        "loss": row.loss,
    }
    return {name: value for name, value in found.items() if value is not None}


def _result(body: dict[str, Any], reason: str) -> CallResult:
    if body.get("connectedAt") is not None:
        return CallResult.CONNECTED
    if body.get("answeredBy") is not None:
        return CallResult.SUPERSEDED
    if reason in _REFUSED:
        return CallResult.REFUSED
    return CallResult.UNANSWERED if reason in _UNANSWERED else CallResult.FAILED


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    # PostgreSQL keeps no NUL in a text
    return value[:128].replace("\0", "") if isinstance(value, str) else ""


def _number(body: dict[str, Any], name: str) -> float | None:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # a sane bound for every count and span, and what both databases hold
    return float(value) if abs(value) < 2**53 and math.isfinite(value) else None


def _count(body: dict[str, Any], name: str) -> int | None:
    value = _number(body, name)
    return None if value is None else round(value)


def _seconds(body: dict[str, Any], name: str) -> float | None:
    value = _number(body, name)
    return None if value is None or value < 0 else value / 1000


def _flag(body: dict[str, Any], name: str) -> bool | None:
    value = body.get(name)
    return value if isinstance(value, bool) else None


def _share(part: float | None, whole: float | None) -> float | None:
    if part is None or not whole or whole < 0:
        return None
    return min(max(part / whole, 0.0), 1.0)


def _time(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if not isinstance(value, str):
        return None
    try:
        return round(parse_time(value) * 1000)
    except ValueError:
        return None
