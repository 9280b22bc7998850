"""docs/questions.md answers what the doctor can say, and quotes nothing that it cannot."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from agent.signaling.mqtt import broker_advice

ROOT = Path(__file__).parent.parent
PAPER = ROOT / "docs" / "questions.md"
SOURCES = (
    *sorted((ROOT / "agent" / "doctor").glob("*.py")),
    ROOT / "agent" / "webrtc" / "ice" / "gather.py",
)
GAP = "…"
# shorter ones are joints between two values
SHORTEST = 8
ADVICE = "What brokers answer"
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def sections() -> dict[str, str]:
    """Each heading of the third level, which is an area, with what stands below."""
    parts = re.split(r"^### (.*)$", PAPER.read_text().partition(f"## {ADVICE}")[0], flags=re.M)
    return {
        title.strip("`").replace(f" {GAP}", ""): text
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def pieces(node: ast.expr) -> list[str]:
    """The fixed parts of a text."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return [each for part in node.values for each in pieces(part)]
    if isinstance(node, ast.BinOp):
        return [*pieces(node.left), *pieces(node.right)]
    return []


def area_named(scope: ast.AST, name: str) -> list[str]:
    """What `name = ...` or `name, other = ...` stands for."""
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            target, value = target.elts[0], value.elts[0]
        if isinstance(target, ast.Name) and target.id == name:
            return pieces(value)
    return []


def findings() -> Iterator[tuple[str, list[str], str]]:
    """Area, fixed parts of the text and place of each finding that may be other than `ok`."""
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        for scope in (each for each in ast.walk(tree) if isinstance(each, _FUNCTION)):
            for call in ast.walk(scope):
                if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Finding"):
                    continue
                area, verdict, text = call.args[:3]
                if ast.unparse(verdict) == "Verdict.OK":
                    continue
                named = pieces(area)
                if isinstance(area, ast.Name):
                    named = area_named(scope, area.id) or area_named(tree, area.id)
                yield "".join(named[:1]).strip(), pieces(text), f"{path.name}:{call.lineno}"


def quoted(text: str) -> list[str]:
    """What the doctor says, in the first column."""
    rows = [row.split(" | ")[0] for row in text.splitlines() if row.startswith("| ")]
    return [each for row in rows for each in re.findall(r'"([^"]+)"', row)]


def test_every_area_of_the_doctor_has_its_answer() -> None:
    areas = {area for area, _, _ in findings() if area}
    assert len(areas) > 20
    assert areas - set(sections()) == set()


def test_no_answer_is_left_of_an_area_that_is_gone() -> None:
    known = {area for area, _, _ in findings()} | {"Any area"}
    assert set(sections()) - known == set()


def test_every_finding_is_quoted_in_the_answer_of_its_area() -> None:
    told = sections()
    missing = []
    for area, parts, place in findings():
        longest = max(parts, key=len, default="").strip()
        section = told.get(area or "Any area", "")
        phrases = [part for each in quoted(section) for part in each.split(GAP)]
        if len(longest) > SHORTEST and not any(
            phrase.strip() in longest or longest in phrase
            for phrase in phrases
            if len(phrase.strip()) > SHORTEST
        ):
            missing.append(f"{place}: {area}: {longest}")
    assert missing == []


def test_nothing_is_quoted_that_the_doctor_does_not_say() -> None:
    said = [
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    gone = [
        part
        for text in sections().values()
        for each in quoted(text)
        for part in each.split(GAP)
        if len(part.strip()) > 3 and not any(part.strip() in known for known in said)
    ]
    assert gone == []


def test_each_advice_on_a_broker_is_there_word_for_word() -> None:
    table = PAPER.read_text().partition(f"## {ADVICE}")[2]
    advice = {*broker_advice._REASONS.values(), *broker_advice._ERRORS.values()}
    advice.add(broker_advice.NO_GROUPS)
    rows = re.findall(r"^\| .* \| (.*) \|$", table, re.M)
    assert set(rows) - {"then"} == advice
