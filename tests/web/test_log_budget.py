"""Lines of a log that others may cause."""

from __future__ import annotations

import logging

from agent.web.log_budget import BudgetedLog, LogBudget


def test_log_budget_in_a_flood_is_so_many_lines_a_minute() -> None:
    budget = LogBudget(10)
    assert sum(budget.may_log(number / 100) for number in range(6000)) == 19


def test_log_budget_after_a_pause_has_all_its_lines() -> None:
    budget = LogBudget(3)
    assert [budget.may_log(5.0) for _ in range(4)] == [True, True, True, False]
    assert budget.may_log(25.0)


def test_budgeted_log_lets_few_warnings_pass_and_no_chatter() -> None:
    log = BudgetedLog(LogBudget(3))
    info, error = (
        logging.LogRecord("library", level, "", 0, "text", None, None)
        for level in (logging.INFO, logging.ERROR)
    )
    assert not any(log.filter(info) for _ in range(9))
    assert sum(log.filter(error) for _ in range(9)) == 3
