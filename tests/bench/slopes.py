"""How fast something grows, told from samples of which some are off."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import combinations

# (calls so far, value)
Point = tuple[float, float]


def slope(points: Sequence[Point]) -> float:
    """Theil and Sen's: the median of the slopes of all pairs. Samples that are off hardly move
    it.
    """
    steps = [
        (b - a) / (right - left)
        for (left, a), (right, b) in combinations(points, 2)
        if right != left
    ]
    return statistics.median(steps) if steps else 0.0


def after(points: Sequence[Point], warm: float) -> list[Point]:
    """Those samples that were taken once nothing was new to the process."""
    return [point for point in points if point[0] >= warm]


def left_over(points: Sequence[Point]) -> float:
    """What the last third has more than the first, by their least values: one that is in use at
    times is not left.
    """
    third = max(1, len(points) // 3)
    values = [value for _, value in points]
    return min(values[-third:]) - min(values[:third])
