"""One row for each device: what it last said of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.fleet.device_faults import health_faults
from agent.fleet.intake import Collected
from agent.fleet.json_text import as_json

_STATUS = (
    "INSERT INTO device (uid, first_seen, last_seen, state, busy, state_since, boot_id, version, "
    "boots) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (uid) DO UPDATE SET "
    "status_changes = device.status_changes + "
    "CASE WHEN device.state IS NULL OR device.state = excluded.state THEN 0 ELSE 1 END, "
    "boots = device.boots + CASE WHEN excluded.boot_id IS NULL "
    "OR device.boot_id = excluded.boot_id THEN 0 ELSE 1 END, "
    "state = excluded.state, busy = excluded.busy, state_since = excluded.state_since, "
    "boot_id = COALESCE(excluded.boot_id, device.boot_id), "
    "version = COALESCE(excluded.version, device.version)"
)
_ABOUT = (
    "INSERT INTO device (uid, first_seen, last_seen, version, model, about) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (uid) DO UPDATE SET "
    "version = COALESCE(excluded.version, device.version), "
    "model = COALESCE(excluded.model, device.model), about = excluded.about"
)
_HEALTH = (
    "INSERT INTO device (uid, first_seen, last_seen, health, health_at, clock_ahead, "
    "health_faults) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (uid) DO UPDATE SET "
    "health = excluded.health, health_at = excluded.health_at, "
    "clock_ahead = excluded.clock_ahead, health_faults = excluded.health_faults"
)


def _text(each: Collected, name: str) -> str | None:
    value = each.body.get(name)
    return value[:128].replace("\0", "") if isinstance(value, str) else None


def _status(each: Collected) -> tuple[Any, ...]:
    state = "online" if each.body.get("state") == "online" else "offline"
    return (
        each.device,
        each.received_at,
        each.received_at,
        state,
        int(each.body.get("busy") is True),
        each.at,
        _text(each, "bootId"),
        _text(each, "version"),
    )


def _about(each: Collected) -> tuple[Any, ...]:
    return (
        each.device,
        each.received_at,
        each.received_at,
        _text(each, "version"),
        _text(each, "model"),
        as_json(each.body),
    )


def _health(each: Collected) -> tuple[Any, ...]:
    ahead = None if each.said_at is None else (each.said_at - each.received_at) / 1000
    return (
        each.device,
        each.received_at,
        each.received_at,
        as_json(each.body),
        each.received_at,
        ahead,
        len(health_faults(each.body, ahead)),
    )


DEVICE_STATEMENTS: dict[str, tuple[str, Callable[[Collected], tuple[Any, ...]]]] = {
    "status": (_STATUS, _status),
    "about": (_ABOUT, _about),
    "health": (_HEALTH, _health),
}
