"""What is wrong with a device, by its own words, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# seconds by which a clock may be off
_CLOCK = 30.0
# events that wait on the device
_OUTBOX = 50
# changes of `status` a day
_FLAPPING = 24
_DAY = 86_400_000
# milliseconds for which a device may say nothing before it is missed; it speaks every 60 s, with
# jitter
SILENCE = 150_000


@dataclass(frozen=True, slots=True)
class DeviceFault:
    """A short code, and a sentence for whoever has to go there."""

    code: str
    advice: str


def device_faults(row: Mapping[str, Any], health: Mapping[str, Any], now: int) -> list[DeviceFault]:
    """The worst first. `row` is the device's, `health` its latest; `now` in milliseconds."""
    found = []
    if is_silent(row, now):
        found.append(("silent", "says it is online and has not spoken: look at power and Wi-Fi"))
    if row["state"] == "offline":
        found.append(("offline", "is not connected: look at power, Wi-Fi and the broker's log"))
    if row["status_changes"] > _FLAPPING * max(1.0, (now - row["first_seen"]) / _DAY):
        found.append(("flapping", "comes and goes: weak Wi-Fi, a bad supply, or two of one uid"))
    return [DeviceFault(*each) for each in found] + health_faults(health, row["clock_ahead"])


def is_silent(row: Mapping[str, Any], now: int) -> bool:
    """Whether it says that it is online, and says nothing more."""
    return bool(row["state"] == "online" and now - row["last_seen"] > SILENCE)


def faults_in_sql(now: int) -> tuple[str, list[int]]:
    """How many faults a row of `device` has, as an expression with its parameters: the same as
    `device_faults` finds, of which `health_faults` was counted when the health came.
    """
    return (
        "CASE WHEN state = 'online' AND last_seen < ? THEN 1 ELSE 0 END "
        "+ CASE WHEN state = 'offline' THEN 1 ELSE 0 END "
        "+ CASE WHEN status_changes > ? AND status_changes * ? > (? - first_seen) * ? "
        "THEN 1 ELSE 0 END + health_faults",
        [now - SILENCE, _FLAPPING, _DAY, now, _FLAPPING],
    )


def health_faults(health: Mapping[str, Any], clock_ahead: float | None) -> list[DeviceFault]:
    """What a device's latest health tells; `clock_ahead` in seconds."""
    found = []
    if health.get("undervoltage") is True:
        found.append(("undervoltage", "its supply is too weak: use the board's own"))
    off = clock_ahead is not None and abs(clock_ahead) > _CLOCK
    if health.get("clockSynchronized") is False or off:
        found.append(("clock_off", "its clock is wrong: give it a time server"))
    waiting = health.get("outboxWaiting")
    if isinstance(waiting, int | float) and waiting > _OUTBOX:
        found.append(("outbox_waiting", "its events are not taken: look at the broker's rules"))
    own = health.get("faults")
    if isinstance(own, list):
        found += [
            (each, "see `callbox status` on the device")
            for each in own
            if isinstance(each, str) and 0 < len(each) <= 64 and each.isprintable()
        ]
    return [DeviceFault(*each) for each in found]
