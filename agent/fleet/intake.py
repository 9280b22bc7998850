"""From a message of a device to what is stored of it, or to the reason why it is refused. Pure.

Nothing a device publishes may stop the rest: what cannot be read becomes a `Reject`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agent.core.timestamps import parse_time
from agent.errors import MalformedMessage
from agent.signaling.protocol.json_limits import bounded, read_object
from agent.signaling.protocol.topics import (
    AboutTopic,
    EventTopic,
    HealthTopic,
    StatusTopic,
    Topic,
    Topics,
)

EVENTS = ("closed", "response", "ring", "missed", "output", "error")
STATISTICS = ("local_stats", "remote_stats")
RETAINED = ("status", "about")
# bytes of a refused payload that are kept
REJECT_SIZE = 1024
# milliseconds by which a device's clock may be ahead of ours
CLOCK_TOLERANCE = 60_000
_ID = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class FleetMessage:
    """A message as it came: `received_at` in milliseconds of Unix time."""

    topic: str
    payload: bytes
    received_at: int
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Collected:
    """What one device said.

    `kind` is the event's name, or `status`, `about`, `health`. `said_at` is the device's own time
    in milliseconds, None where it gave none; `at` the same, or the time of message where the device
    gave none or one in the future. An event has an `event_id`; with `device` it makes the event
    once.
    """

    kind: str
    device: str
    at: int
    received_at: int
    body: dict[str, Any] = field(repr=False)
    said_at: int | None = None
    event_id: str = ""
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """What could not be read, and why."""

    topic: str
    reason: str
    payload: bytes
    received_at: int


class Intake:
    """Reads what comes below one or more prefixes."""

    def __init__(self, prefixes: Iterable[str], *, statistics: bool = False) -> None:
        """Raises ValueError for a prefix that cannot begin a topic."""
        self._topics = [Topics(prefix) for prefix in prefixes]
        self._events = EVENTS + (STATISTICS if statistics else ())

    def filters(self) -> list[str]:
        """The topics of events and health to subscribe to. No two filters overlap."""
        tails = ("health", *(f"events/{name}" for name in self._events))
        return [f"{topics.prefix}/+/{tail}" for topics in self._topics for tail in tails]

    def retained_filters(self) -> list[str]:
        """Those of what a broker keeps. A shared subscription would not get what it has kept."""
        return [f"{topics.prefix}/+/{tail}" for topics in self._topics for tail in RETAINED]

    def read(self, message: FleetMessage) -> Collected | Reject:
        try:
            return self._read(message)
        except MalformedMessage as error:
            return Reject(
                bounded(message.topic),
                bounded(f"{error.code}: {error}"),
                message.payload[:REJECT_SIZE],
                message.received_at,
            )

    def _read(self, message: FleetMessage) -> Collected:
        device, kind = self._source(message.topic)
        body = read_object(message.payload)
        named = body.get("uid" if kind == "about" else "device", device)
        if named != device:
            raise MalformedMessage("other_device", f"the body names {str(named)[:64]!r}")
        is_event = kind not in (*RETAINED, "health")
        said_at = _time_of(body, "since" if kind == "status" else "timestamp")
        ahead = said_at is not None and said_at > message.received_at + CLOCK_TOLERANCE
        return Collected(
            kind=kind,
            device=device,
            at=message.received_at if said_at is None or ahead else said_at,
            received_at=message.received_at,
            body=body,
            said_at=said_at,
            event_id=_event_id(body) if is_event and kind not in STATISTICS else "",
            retained=message.retained,
        )

    def _source(self, topic: str) -> tuple[str, str]:
        """The device and what it says."""
        parsed: Topic | None = None
        for topics in self._topics:
            parsed = parsed or topics.parse(topic)
        match parsed:
            case EventTopic(uid, name) if name in self._events:
                return uid, name
            case StatusTopic(uid):
                return uid, "status"
            case AboutTopic(uid):
                return uid, "about"
            case HealthTopic(uid):
                return uid, "health"
        raise MalformedMessage("other_topic", "not a topic that is collected")


def _time_of(body: dict[str, Any], name: str) -> int | None:
    """Milliseconds of Unix time, None where there is none. Raises MalformedMessage."""
    text = body.get(name)
    if text is None:
        return None
    try:
        return round(parse_time(str(text)) * 1000)
    except ValueError as error:
        raise MalformedMessage("invalid", f"{name}: {error}") from None


def _event_id(body: dict[str, Any]) -> str:
    event_id = body.get("eventId")
    if not isinstance(event_id, str) or not _ID.fullmatch(event_id):
        raise MalformedMessage("invalid", "eventId: 1 to 128 printable characters are required")
    return event_id
