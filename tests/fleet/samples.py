"""What devices say, as a test needs it."""

from __future__ import annotations

import json
import uuid
from typing import Any

from agent.fleet.intake import Collected, FleetMessage, Intake, Reject

NOW = 1_795_000_000_000  # 2026-11-18, milliseconds
PREFIX = "callbox/v1"
INTAKE = Intake([PREFIX], statistics=True)


def message(device: str, what: str, body: dict[str, Any], *, at: int = NOW) -> FleetMessage:
    return FleetMessage(f"{PREFIX}/{device}/{what}", json.dumps(body).encode(), at)


def closed(device: str = "door-1", **fields: Any) -> dict[str, Any]:
    """A record of a call that was connected for ten seconds."""
    return {
        "event": "closed",
        "eventId": str(uuid.uuid4()),
        "device": device,
        "conversation": str(uuid.uuid4()),
        "remoteUid": "alice",
        "direction": "incoming",
        "timestamp": "2026-11-18T01:46:40.000Z",
        "reason": "user_hangup",
        "closedBy": "remote",
        "callStatus": "ACCEPTED",
        "connectedAt": "2026-11-18T01:46:30.000Z",
        "endedAt": "2026-11-18T01:46:40.000Z",
        "duration": 10.0,
        "setup": {"response": 40.0, "firstFrame": 400.0},
        "path": {"relayed": False},
        "reconnects": 0,
    } | fields


def collected(device: str, what: str, body: dict[str, Any], *, at: int = NOW) -> Collected:
    read = INTAKE.read(message(device, what, body, at=at))
    assert isinstance(read, Collected), read
    return read


def rejected(device: str, what: str, body: dict[str, Any]) -> Reject:
    read = INTAKE.read(message(device, what, body))
    assert isinstance(read, Reject), read
    return read
