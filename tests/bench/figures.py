"""What was measured, what it should be, and on which machine."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `target` is the most that it may be; None where it only explains another
    figure.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.value <= self.target

    def as_json(self) -> dict[str, Any]:
        found = {"name": self.name, "measured": round(self.value, 3), "unit": self.unit}
        if self.target is not None:
            found |= {"target": self.target, "met": self.met}
        return found | ({"details": self.details} if self.details else {})


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A part that is missing, and why."""

    name: str
    reason: str


def spread(values: Sequence[float]) -> dict[str, float]:
    """What a median hides."""
    return {
        "count": len(values),
        "min": round(min(values), 3),
        "p95": round(percentile(values, 95), 3),
        "max": round(max(values), 3),
    }


def percentile(values: Sequence[float], percent: int) -> float:
    return (
        values[0]
        if len(values) < 2
        else statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
    )


def table(figures: Iterable[Figure]) -> str:
    """One line a figure: what, measured, target, met."""
    lines = [("", "measured", "target", "")]
    for figure in figures:
        target = "" if figure.target is None else f"{figure.target:g} {figure.unit}"
        met = {None: "", True: "met", False: "MISSED"}[figure.met]
        lines.append((figure.name, f"{figure.value:.4g} {figure.unit}", target, met))
    return grid(lines)


def grid(lines: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need to be, the first to the left and the others to the right."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rows = (zip(line, widths, strict=True) for line in lines)
    aligned = (
        [cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in enumerate(row)]
        for row in rows
    )
    return "\n".join("  ".join(row).rstrip() for row in aligned)


def machine() -> dict[str, Any]:
    """Where this was measured; figures of two machines do not compare."""
    models = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "load": [round(each, 2) for each in os.getloadavg()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "aiortc": version("aiortc"),
        "av": version("av"),
    }
