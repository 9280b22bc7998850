"""What the daemon on this machine has found out itself, in its own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agent.doctor.findings import Finding, Verdict
from agent.service.status_client import ask, candidates
from agent.signaling.mqtt.broker_advice import RULES


def find_daemon(uid: str) -> dict[str, Any] | None:
    """The status of the daemon of `uid`, else of any that answers. Blocks."""
    found = None
    for path in candidates():
        try:
            status = ask(path)
        except (OSError, ValueError):
            continue
        if status["uid"] == uid:
            return status
        found = found or status
    return found


def report_daemon(status: dict[str, Any] | None) -> Iterator[Finding]:
    """One finding for it, and one for each thing that it lacks."""
    if status is None:
        yield Finding(
            "daemon", Verdict.SKIPPED, "no callbox runs here, or none that this user may ask"
        )
        return
    yield Finding(
        "daemon",
        Verdict.OK,
        f"callbox {status['version']} runs as {status['uid']}: {status['status']}",
    )
    if not status.get("broker_connected", True) and status.get("broker_trouble"):
        reason = f"broker {status['broker']}: {status['broker_trouble']}"
        yield Finding("broker", Verdict.FAILED, reason, status.get("broker_advice", ""))
    for limit in status.get("broker_limits", ()):
        yield Finding("broker", Verdict.WARNING, limit["text"], limit["advice"])
    for part, reason in status.get("faults", {}).items():
        yield Finding(part, Verdict.FAILED, reason, _advice(part))


def once(findings: Iterable[Finding], known: Iterable[Finding]) -> Iterator[Finding]:
    """Those of `findings` that `known` has not got in the same words."""
    told = {(each.area, each.text) for each in known}
    return (each for each in findings if (each.area, each.text) not in told)


def _advice(part: str) -> str:
    if part.startswith(("messages to ", "subscription to ")):
        return RULES
    return "" if part == "uid of its own" else "It is tried again by itself."
