"""docs/security.md claims nothing that no test shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAPER = (ROOT / "docs" / "security.md").read_text()


def names_in(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_security_paper_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAPER)
    assert len(named) >= 15
    gone = [f"{file}::{test}" for file, test in named if test not in names_in(ROOT / file)]
    assert not gone


def table(title: str) -> list[list[str]]:
    """The rows of a section's table, without its head."""
    section = PAPER.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in rows[1:]]


def test_security_paper_names_a_test_for_each_attack() -> None:
    rows = table("Attacks, and the tests that hold")
    assert len(rows) >= 29
    assert [row[0] for row in rows if not re.search(r"`tests/[\w/]+\.py::\w+`", row[-1])] == []


def test_security_paper_gives_a_test_or_a_reason_for_each_point_of_rfc_8827() -> None:
    rows = table("RFC 8827")
    assert len(rows) >= 8
    for point, state, shown in rows:
        assert shown, point
        assert not state.startswith("met") or "`tests/" in shown, point


def test_security_paper_gives_a_test_or_a_reason_for_each_provision() -> None:
    rows = [line for line in PAPER.splitlines() if line.startswith("| 5.")]
    assert len(rows) >= 20
    for row in rows:
        provision, state, *shown = (cell.strip() for cell in row.strip("| ").split(" | "))
        assert state != "met" or "`tests/" in " ".join(shown), provision
