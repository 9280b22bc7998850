"""What the doctor finds, as data, as text for people, and as JSON for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from agent.printable import printable

TRIED = (
    "The project has tried none of this on a Raspberry Pi yet: its tests run the real "
    "picamera2 on libcamera's virtual "
    "camera, and a stand-in for the Pi's hardware encoder. A report such as this one, from a "
    "real device, is welcome."
)
_MARKS = {"ok": "ok", "warning": "WARN", "failed": "FAIL", "skipped": "--"}
_WIDTH = 100
_INDENT = 22


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, or may, and there is something to know."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not set up here, or not asked for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`area` is what was looked at, `text` what was seen, `advice` what to do; `figures` are for
    programs.
    """

    area: str
    verdict: Verdict
    text: str
    advice: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """`made_at` is ISO 8601, UTC. `system` are versions and names, for whoever reads this in a
    bug.
    """

    made_at: str
    system: dict[str, str]
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        return any(finding.verdict is Verdict.FAILED for finding in self.findings)

    def to_json(self) -> str:
        body = {"ok": not self.failed, "tried_on_hardware": [], "note": TRIED, **asdict(self)}
        return json.dumps(body, indent=2)

    def to_text(self) -> str:
        lines = [f"callbox doctor, {self.made_at}", ""]
        lines += [f"  {name:<12}{value}" for name, value in self.system.items()]
        lines.append("")
        for finding in self.findings:
            lines += _paragraph(finding)
        lines += ["", *textwrap.wrap(TRIED, _WIDTH), "", _summary(self.findings)]
        return "\n".join(lines)


def _paragraph(finding: Finding) -> Iterable[str]:
    head = f"  {_MARKS[finding.verdict]:<6}{finding.area:<13} "
    # the name of a topic may be long
    rest = " " * min(len(head), _INDENT)
    text = textwrap.wrap(
        printable(finding.text),
        _WIDTH,
        initial_indent=head,
        subsequent_indent=rest,
        break_on_hyphens=False,
    )
    if not finding.advice:
        return text
    advice = textwrap.wrap(
        printable(finding.advice),
        _WIDTH,
        initial_indent=f"{rest}-> ",
        subsequent_indent=f"{rest}   ",
        break_on_hyphens=False,
    )
    return [*text, *advice]


def _summary(findings: Iterable[Finding]) -> str:
    verdicts = [finding.verdict for finding in findings]
    failed, warned = verdicts.count(Verdict.FAILED), verdicts.count(Verdict.WARNING)
    if not failed and not warned:
        return "Everything that was looked at works."
    return f"{failed} failed, {warned} to know about, {verdicts.count(Verdict.OK)} work."
