"""README and docs/ name only what exists, and the drawing of the house is what the code is."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from agent.settings.models import CARRIED_OUT
from agent.signaling.protocol import messages as wire
from tests.papers import command_line
from tests.test_architecture import AGENT, MODULES, imports_of, name_of, statements

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PROTOCOL = ROOT / "docs" / "protocol.md"
PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# `make page` makes it
BUILT = {"agent/web/conversation.js"}
_PATH = re.compile(r"`((?:agent|tests|config|docs|systemd)/[\w./-]+?)/?(?:::(\w+))?`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
SVG = "{http://www.w3.org/2000/svg}"
EXCUSED = {"__init__", "__main__"}

every_paper = pytest.mark.parametrize(
    "paper", PAPERS, ids=lambda path: path.relative_to(ROOT).as_posix()
)


def code_of(text: str) -> str:
    """What stands in backticks, and in blocks of code."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", text)])


@cache
def classes() -> dict[str, set[str]]:
    """The names in each class of the code, by the class's name."""
    found: dict[str, set[str]] = {}
    for path in MODULES:
        for node in statements(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                names = {each.name for each in node.body if hasattr(each, "name")}
                names |= {
                    target.id
                    for each in node.body
                    for target in (
                        each.targets
                        if isinstance(each, ast.Assign)
                        else [each.target]
                        if isinstance(each, ast.AnnAssign)
                        else []
                    )
                    if isinstance(target, ast.Name)
                }
                found.setdefault(node.name, set()).update(names)
    return found


def functions_in(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@every_paper
def test_paper_names_files_that_exist(paper: Path) -> None:
    for name, function in _PATH.findall(paper.read_text()):
        assert name in BUILT or (ROOT / name).exists(), name
        assert not function or function in functions_in(ROOT / name), f"{name}::{function}"


@every_paper
def test_paper_links_to_files_that_exist(paper: Path) -> None:
    for target in _LINK.findall(paper.read_text()):
        assert (paper.parent / target).exists(), target


@every_paper
def test_paper_names_targets_that_exist(paper: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^|\s)make ([a-z-]+)", code_of(paper.read_text()))
    assert set(named) <= set(targets)


@every_paper
def test_paper_names_commands_that_exist(paper: Path) -> None:
    commands = set(command_line().commands)
    # `from callbox import` is Python
    command = r"(?:^|\s)(?<!from )callbox ([a-z]+)\b"
    named = re.findall(command, code_of(paper.read_text()), re.MULTILINE)
    assert set(named) <= commands


@pytest.mark.parametrize("name", ["README.md", "docs/architecture.md"])
def test_paper_names_methods_that_exist(name: str) -> None:
    named = re.findall(r"\b([A-Z]\w+)\.([a-z]\w+)\b", code_of((ROOT / name).read_text()))
    assert named
    known = classes()
    gone = [f"{owner}.{method}" for owner, method in named if method not in known.get(owner, ())]
    assert not gone


def test_readme_answers_where_to_look() -> None:
    """The four questions, each with a file in its row."""
    rows = [line for line in README.read_text().splitlines() if line.startswith("| Where ")]
    assert len(rows) == 4
    for words in ("policy", "key frame request", "video source", "JSON"):
        (row,) = (line for line in rows if words in line.split("|")[1])
        assert _PATH.search(row), row


def test_readme_is_short() -> None:
    assert len(README.read_text().split()) < 900


def test_screenshots_are_there_and_small() -> None:
    shown = re.findall(r"docs/\w+\.png", README.read_text())
    assert len(shown) == 2
    for name in shown:
        assert (ROOT / name).stat().st_size < 150_000


# -- what the protocol's document says of this version -------------------------------------------


def listed_as_missing(kind: str) -> set[str]:
    (line,) = re.findall(rf"^> - {kind}: (.*)$", PROTOCOL.read_text(), re.MULTILINE)
    return set(re.findall(r"`(\w+)`", line))


def in_tables(section: str, title: str) -> set[str]:
    """The names in the first column of the tables of a section with that title."""
    text = PROTOCOL.read_text().partition(f"\n## {section}.")[2].partition("\n## ")[0]
    tables = [each for each in text.split("\n\n") if each.startswith(f"| {title} |")]
    rows = [row for table in tables for row in table.splitlines() if row.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}


def test_protocol_says_which_messages_are_missing() -> None:
    assert in_tables("2", "type") - set(wire.SIGNALS) == listed_as_missing("messages")


def test_protocol_says_which_events_are_missing() -> None:
    told = {*wire.EVENTS, "command_result"}
    assert in_tables("5", "event") - told == listed_as_missing("events")


def test_protocol_says_which_commands_are_missing() -> None:
    assert in_tables("6", "verb") - set(CARRIED_OUT) == listed_as_missing("commands")


# -- the drawing of the house ----------------------------------------------------------------------


def drawing() -> ElementTree.Element:
    return ElementTree.parse(ROOT / "docs" / "house.svg").getroot()


def heights() -> dict[str, float]:
    """How far below the top each room is drawn."""
    found: dict[str, float] = {}
    for group in drawing().iter(f"{SVG}g"):
        box = group.find(f"{SVG}rect")
        assert box is not None
        found |= dict.fromkeys(group.attrib["data-room"].split(), float(box.attrib["y"]))
    return found


def imports_of_rooms() -> set[tuple[str, str]]:
    """Which room of agent/ imports which other."""
    names = {name_of(path) for path in MODULES}
    return {
        (here, there)
        for path in MODULES
        for module in imports_of(path)
        if module in names and module.count(".")
        if (here := [*name_of(path).split("."), ""][1]) != (there := module.split(".")[1])
        if here not in EXCUSED | {""} and there not in EXCUSED
    }


def test_house_drawing_has_every_room_above_what_it_imports() -> None:
    drawn = heights()
    rooms = {path.stem for path in AGENT.iterdir() if path.suffix == ".py"} - EXCUSED
    rooms |= {path.parent.name for path in AGENT.glob("*/__init__.py")}
    assert set(drawn) == rooms
    (top,) = (height for room, height in drawn.items() if room == "cli")
    upward = [
        f"{here} -> {there}"
        for here, there in sorted(imports_of_rooms())
        if drawn[here] >= drawn[there] and not drawn[here] == drawn[there] == top
    ]
    assert not upward


def test_house_drawing_has_no_arrow_that_is_no_import() -> None:
    arrows = {
        (path.attrib["data-from"], path.attrib["data-to"])
        for path in drawing().iter(f"{SVG}path")
        if "data-from" in path.attrib
    }
    assert len(arrows) > 10
    assert arrows <= imports_of_rooms()


def test_house_drawing_names_the_subjects_of_the_core() -> None:
    words = {text.text for text in drawing().iter(f"{SVG}text")}
    subjects = {f"{path.parent.name}/" for path in (AGENT / "core").glob("*/__init__.py")}
    assert subjects <= words
