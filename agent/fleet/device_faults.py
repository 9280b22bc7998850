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


@dataclass(frozen=True, slots=True)
class DeviceFault:
    """A short code, and a sentence for whoever has to go there."""

    code: str
    advice: str


def device_faults(
    row: Mapping[str, Any], health: Mapping[str, Any], now: int, *, silent: bool
) -> list[DeviceFault]:
    """The worst first. `row` is the device's, `health` its latest; `now` in milliseconds."""
    found = []
    if silent:
        found.append(("silent", "says it is online and has not spoken: look at power and Wi-Fi"))
    if row["state"] == "offline":
        found.append(("offline", "is not connected: look at power, Wi-Fi and the broker's log"))
    days = max(1.0, (now - row["first_seen"]) / _DAY)
    if row["status_changes"] / days > _FLAPPING:
        found.append(("flapping", "comes and goes: weak Wi-Fi, a bad supply, or two of one uid"))
    if health.get("undervoltage") is True:
        found.append(("undervoltage", "its supply is too weak: use the board's own"))
    ahead = row["clock_ahead"]
    if health.get("clockSynchronized") is False or (ahead is not None and abs(ahead) > _CLOCK):
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
