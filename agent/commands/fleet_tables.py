"""What `callbox fleet` prints for people: the columns that one reads, in local time, with what to
do in full. Programs ask with `--json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import chain
from typing import Any

from agent.printable import printable

Objects = Sequence[Mapping[str, Any]]
Cells = dict[str, str]
_WIDEST = 40  # characters, but for the last column


def print_table(rows: Sequence[Cells]) -> None:
    """Columns as wide as they need to be; a column that is empty throughout is left out."""
    if not rows:
        print("Nothing.")
        return
    used = dict.fromkeys(chain.from_iterable(rows))
    names = [name for name in used if any(row.get(name) for row in rows)]
    lines = [names, *([printable(row.get(name, "")) for name in names] for row in rows)]
    cells = [[*(cell[:_WIDEST] for cell in line[:-1]), line[-1]] for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print(
            "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def device_rows(devices: Objects, zone: tzinfo | None = None) -> list[Cells]:
    """A row for each device."""
    return [
        {
            "device": each["device"],
            "state": _state(each),
            "seen": local_time(each.get("lastSeen"), zone),
            "version": each.get("version", ""),
            "temperature": f"{each['temperatureCelsius']:g} °C"
            if "temperatureCelsius" in each
            else "",
            "model": each.get("model", ""),
            "faults": ", ".join(each.get("faults", ())),
        }
        for each in devices
    ]


def fault_rows(devices: Objects, zone: tzinfo | None = None) -> list[Cells]:
    """A row for each fault of each device, and what to do about it."""
    return [
        {
            "device": each["device"],
            "state": _state(each),
            "seen": local_time(each.get("lastSeen"), zone),
            "fault": fault,
            "what to do": advice,
        }
        for each in devices
        for fault, advice in zip(
            each.get("faults", ()), each.get("advice", "").split("; "), strict=False
        )
    ]


def call_rows(calls: Objects, zone: tzinfo | None = None) -> list[Cells]:
    """A row for each conversation, of which two devices may have told."""
    seen: set[str] = set()
    rows = []
    for each in calls:
        conversation = each.get("conversation", "")
        if conversation and conversation in seen:
            continue
        seen.add(conversation)
        parties = (each["device"], each.get("remoteUid", "?"))
        outgoing = each["direction"] == "outgoing"
        rows.append(
            {
                "ended": local_time(each.get("endedAt") or each["timestamp"], zone),
                "from": parties[not outgoing],
                "to": parties[outgoing],
                "result": each["result"],
                "reason": each["reason"],
                "took": _number(each, "duration", "{:.0f} s") if each.get("duration") else "",
                "answer": _number(each, "timeToResponse", "{:.2f} s"),
                "picture": _number(each, "timeToFirstFrame", "{:.2f} s"),
                "mos": _number(each, "mos", "{:.1f}"),
                "round trip": _number(each, "roundTripTime", "{:.3f} s"),
                "loss": _number(each, "loss", "{:.1%}"),
                "relayed": "yes" if each.get("relayed") else "",
                "id": conversation,
            }
        )
    return rows


def step_rows(steps: Objects, zone: tzinfo | None = None) -> list[Cells]:
    """A row for each step of a call."""
    return [
        {
            "time": local_time(each["timestamp"], zone, milliseconds=True),
            "step": each["step"],
            "device": each["device"],
            "what is known": ", ".join(_rest(each, ("timestamp", "step", "device"))),
        }
        for each in steps
    ]


def event_rows(events: Objects, zone: tzinfo | None = None) -> list[Cells]:
    """A row for each event of a device."""
    known = ("timestamp", "event", "eventId", "device")
    return [
        {
            "time": local_time(each.get("timestamp"), zone),
            "event": str(each.get("event", "")),
            "what is known": ", ".join(_rest(each, known)),
        }
        for each in events
    ]


def plain_rows(answer: Objects) -> list[Cells]:
    """A column for each value that is neither a list nor an object."""
    return [
        {
            name: f"{value:g}" if isinstance(value, float) else str(value)
            for name, value in each.items()
            if not isinstance(value, dict | list)
        }
        for each in answer
    ]


def local_time(text: Any, zone: tzinfo | None = None, *, milliseconds: bool = False) -> str:
    """RFC 3339 as people here read it; as it is where it cannot be read."""
    if not isinstance(text, str):
        return ""
    try:
        moment = datetime.fromisoformat(text).astimezone(zone)
    except (ValueError, OverflowError):
        return text
    timespec = "milliseconds" if milliseconds else "seconds"
    return moment.replace(tzinfo=None).isoformat(" ", timespec)


def _state(device: Mapping[str, Any]) -> str:
    return "in a call" if device["state"] == "online" and device.get("busy") else device["state"]


def _number(each: Mapping[str, Any], name: str, form: str) -> str:
    value = each.get(name)
    return "" if value is None else form.format(value)


def _rest(each: Mapping[str, Any], without: Sequence[str]) -> Iterator[str]:
    for name, value in each.items():
        if name not in without and not isinstance(value, dict):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            yield f"{name} {shown}"
