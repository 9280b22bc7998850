"""What a series of samples shows: a floor, and the difference between its beginning and its end.
Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Sample(NamedTuple):
    at: float  # seconds
    value: float


class Span(NamedTuple):
    """From a moment to another one, in seconds."""

    start: float
    end: float

    def touches(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


def after_first_quarter(samples: Sequence[Sample]) -> list[Sample]:
    """Those of the last three quarters of the time that the samples span."""
    if not samples:
        return []
    start = samples[0].at + (samples[-1].at - samples[0].at) / 4
    return [sample for sample in samples if sample.at >= start]


def floors(samples: Iterable[Sample], window: float, without: Sequence[Span] = ()) -> list[Sample]:
    """The lowest value of each window of this many seconds, at its start; windows that touch a span
    are left out.
    """
    lowest: dict[int, float] = {}
    for sample in samples:
        number = int(sample.at // window)
        lowest[number] = min(sample.value, lowest.get(number, sample.value))
    return [
        Sample(number * window, value)
        for number, value in sorted(lowest.items())
        if not any(Span(number * window, (number + 1) * window).touches(span) for span in without)
    ]


def drift(samples: Sequence[Sample]) -> float:
    """Median of the last quarter of the samples over the median of the first; 0 of fewer than
    four.
    """
    quarter = len(samples) // 4
    if not quarter:
        return 0.0
    first, last = samples[:quarter], samples[-quarter:]
    return statistics.median(each.value for each in last) - statistics.median(
        each.value for each in first
    )
