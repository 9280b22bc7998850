"""Lines of a log that others may cause."""

from __future__ import annotations

from agent.web.log_budget import LogBudget


def test_log_budget_in_a_flood_is_so_many_lines_a_minute() -> None:
    budget = LogBudget(10)
    assert sum(budget.may_log(number / 100) for number in range(6000)) == 19


def test_log_budget_after_a_pause_has_all_its_lines() -> None:
    budget = LogBudget(3)
    assert [budget.may_log(5.0) for _ in range(4)] == [True, True, True, False]
    assert budget.may_log(25.0)
