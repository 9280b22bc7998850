"""`callbox status`: what a daemon on this machine is doing, as text for people and JSON for
programs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from agent.commands.exit_codes import Exit
from agent.core.policy.durations import format_duration
from agent.counts import RefusalKind, in_words
from agent.errors import CallboxError
from agent.printable import format_bitrate, printable, printable_values
from agent.service.status_client import ask, candidates

WATCH_INTERVAL = 1.0  # seconds
_CLEAR = "\033[H\033[J"


class NotRunning(CallboxError):  # noqa: N818 - it is an answer
    """No daemon answers. The message says where it was looked for, and why that failed."""


def show(path: Path | None, *, as_json: bool, watch: bool) -> Exit:
    """Print it, and return the exit code."""
    try:
        for text in report(path, as_json=as_json, watch=watch):
            print(text, flush=True)
    except NotRunning as error:
        print(f"callbox: {error}", file=sys.stderr)
        return Exit.FAILED
    except KeyboardInterrupt:
        # the way to end a watch
        pass
    return Exit.OK


def report(path: Path | None, *, as_json: bool, watch: bool) -> Iterator[str]:
    """What to print: once, or with `watch` again and again. Raises NotRunning where nobody answers
    at first.
    """
    status = _ask(path)
    while True:
        yield (
            json.dumps(status, indent=None if watch else 2)
            if as_json
            else _frame(status, watch=watch)
        )
        if not watch:
            return
        time.sleep(WATCH_INTERVAL)
        try:
            status = _ask(path)
        except NotRunning as gone:
            status = {"status": str(gone)}


def describe(status: dict[str, Any]) -> str:
    """The lines that `callbox status` prints, without anybody's escape sequences."""
    status = printable_values(status)
    if "uid" not in status:
        return f"callbox: {status['status']}"
    camera, memory = status["camera"], status["memory"]
    broker = "connected" if status["broker_connected"] else "not connected"
    if trouble := status.get("broker_trouble"):
        broker += f": {trouble}"
    if advice := status.get("broker_advice"):
        broker += f". {advice}"
    details = f"callbox {status['version']}, pid {status['pid']}"
    rows = [
        ("broker", f"{status['broker']}, {broker}"),
        *(
            ("broker", f"{each['text']}. {each['advice']}")
            for each in status.get("broker_limits", ())
        ),
        ("camera", camera["name"] + (f": {camera['missing']}" if camera["missing"] else "")),
        ("sound", _sound(status.get("sound", {}))),
        ("up", f"{format_duration(int(status['uptime']))}, {details}"),
        *([("memory", f"{memory / 1e6:.0f} MB")] if memory is not None else []),
        *_zone(status.get("time_zone")),
        ("records", _records(status["records"])),
        ("calls", _places(status)),
    ]
    if refused := in_words({RefusalKind(kind): n for kind, n in _refused(status).items() if n}):
        rows.append(("refused", f"{refused}, since the start"))
    if status.get("privacy"):
        rows.append(("privacy", "on: camera and microphone are closed, and every call is refused"))
    if override := status.get("override"):
        end = f" until {override['until']}" if override["until"] else ""
        rows.append(("rules", f"every call is met by {override['action']}{end}"))
    rows += [(part, f"does not work: {why}") for part, why in status.get("faults", {}).items()]
    lines = [
        f"{status['uid']}: {status['status']}",
        *(f"  {name:<7} {text}" for name, text in rows),
    ]
    return "\n".join(lines + [f"    {_call(call)}" for call in status["calls"]])


def _zone(zone: dict[str, Any] | None) -> list[tuple[str, str]]:
    if zone is None:
        return []
    fault = f"; {zone['fault']}" if zone["fault"] else ""
    return [("clock", f"{zone['now']} in {zone['name']}{fault}")]


def _sound(sound: dict[str, Any]) -> str:
    sent, played_to = sound.get("capture") or "none", sound.get("playback") or "no loudspeaker"
    return f"sends {sent}, plays to {played_to}"


def _refused(status: dict[str, Any]) -> dict[str, int]:
    """By the kinds that this version knows; the daemon may be of another one."""
    return {kind: status.get("refused", {}).get(kind, 0) for kind in RefusalKind}


def _records(records: dict[str, Any]) -> str:
    waiting, lost, damaged = records["waiting"], records["lost"], records["set_aside"]
    parts = [f"{waiting} wait for the broker" if waiting else "none waits for the broker"]
    parts += [f"kept in memory only: {records['trouble']}"] if records["trouble"] else []
    parts += [f"{lost} lost"] if lost else []
    parts += (
        [f"{records['recovered']} of calls that an earlier process died in"]
        if records["recovered"]
        else []
    )
    parts += (
        [f"{damaged} damaged {'file' if damaged == 1 else 'files'} set aside"] if damaged else []
    )
    return "; ".join(parts)


def _places(status: dict[str, Any]) -> str:
    """Lines that are taken, and who only looks."""
    views = sum(call.get("purpose") == "view" for call in status["calls"])
    talks = f"{len(status['calls']) - views} of {status['max_conversations']}"
    return f"{talks}, and {views} who only look" if views else talks


def _call(call: dict[str, Any]) -> str:
    video = call["video"]
    parts = [
        call["remote_uid"],
        call["direction"],
        *(["view"] if call.get("purpose") == "view" else []),
        call["state"],
        format_duration(int(call["age"])),
    ]
    if video is not None:
        picture = f"{video['width']}x{video['height']} at {video['framerate']:.0f} fps"
        parts += [picture, format_bitrate(video["bitrate"])]
    return "  ".join([*parts, call["conversation"]])


def _frame(status: dict[str, Any], *, watch: bool) -> str:
    clear = _CLEAR if watch and sys.stdout.isatty() else ""
    return clear + describe(status)


def _ask(path: Path | None) -> dict[str, Any]:
    return asked([path] if path is not None else candidates(), ask)


def asked(paths: Iterable[Path], question: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """The answer of the first daemon that has one. Raises NotRunning."""
    faults = []
    for each in paths:
        try:
            return question(each)
        except OSError as error:
            faults.append(f"{each}: {error.strerror or error}")
        except ValueError as error:
            faults.append(f"{each}: {error}")
    raise NotRunning(printable("no daemon answers (" + "; ".join(faults) + ")"))
