"""How much of a log others may fill: so many lines a minute, whatever they do."""

from __future__ import annotations

import logging
import time

LINES_A_MINUTE = 10


class LogBudget:
    """A token bucket of lines. `now` is seconds of a monotonic clock."""

    def __init__(self, lines_a_minute: int = LINES_A_MINUTE) -> None:
        self._most = float(lines_a_minute)
        self._left = self._most
        self._at = 0.0

    def may_log(self, now: float) -> bool:
        """Whether one more line may be written; it counts as written."""
        self._left = min(self._most, self._left + max(0.0, now - self._at) * self._most / 60)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class BudgetedLog(logging.Filter):
    """Of a library whose lines others cause: its warnings, within a budget."""

    def __init__(self, budget: LogBudget | None = None) -> None:
        super().__init__()
        self._budget = budget or LogBudget()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING and self._budget.may_log(time.monotonic())
