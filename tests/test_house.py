"""The measures of the house: sizes, names, and a test for each module at the mirrored place.

The list of known exceptions may only get shorter: an entry that is none any more fails, too, and
`python -m tests.test_house` removes it.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.test_architecture import imports_of, name_of, statements

ROOT = Path(__file__).parent.parent
AGENT = ROOT / "agent"
MODULES = sorted(AGENT.rglob("*.py"))
MAX_FILE = 350  # lines
MAX_FUNCTION = 50  # lines, with signature and docstring
MAX_ATTRIBUTES = 20  # of an instance

EXCEPTIONS = ROOT / "tests" / "house_exceptions.txt"


def exceptions(kind: str) -> set[str]:
    lines = (line.split(maxsplit=1) for line in EXCEPTIONS.read_text().splitlines() if line)
    return {what for each, what in lines if each == kind}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def source_files() -> Iterator[Path]:
    for folder, pattern in (
        ("agent", "*.py"),
        ("agent", "*.js"),
        ("tests", "*.py"),
        ("tests", "*.js"),
    ):
        for path in sorted((ROOT / folder).rglob(pattern)):
            # made of agent/web/callbox
            built = path == AGENT / "web" / "conversation.js"
            if not built and not {"vendor", "output", "node_modules"} & {*path.parts}:
                yield path


def long_files() -> set[str]:
    return {relative(path) for path in source_files() if path.read_text().count("\n") > MAX_FILE}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def long_functions() -> set[str]:
    return {
        f"{relative(path)}:{node.name}"
        for path in source_files()
        if path.suffix == ".py"
        for text in [path.read_text()]
        # read only where one could be
        if text.count("\n") > MAX_FUNCTION
        for node in statements(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION
    }


def attributes_of(node: ast.ClassDef) -> set[str]:
    """What an instance holds of its own: fields of the body, and what methods assign to `self`."""
    found = {
        each.target.id
        for each in node.body
        if isinstance(each, ast.AnnAssign)
        and isinstance(each.target, ast.Name)
        and "ClassVar" not in ast.unparse(each.annotation)
    }
    for each in ast.walk(node):
        if not isinstance(each, ast.Attribute) or not isinstance(each.ctx, ast.Store):
            continue
        if isinstance(each.value, ast.Name) and each.value.id == "self":
            found.add(each.attr)
    return found


def is_value(node: ast.ClassDef) -> bool:
    """A message, a table of settings or a set of counters: fields, and no state that changes."""
    marks = [ast.unparse(each) for each in (*node.decorator_list, *node.bases)]
    plain = (
        "frozen=True",
        "Report",
        "WireModel",
        "Section",
        "LayeredSettings",
        "Enum",
        "TypedDict",
        "Protocol",
        "Message",
    )
    return any(word in mark for mark in marks for word in plain)


def has_value(name: str, classes: dict[str, ast.ClassDef]) -> bool:
    """Whether it is a value, itself or by what it inherits."""
    node = classes.get(name)
    if node is None:
        return False
    bases = [each.id for each in node.bases if isinstance(each, ast.Name)]
    return is_value(node) or any(has_value(each, classes) for each in bases)


def inherited(name: str, classes: dict[str, ast.ClassDef]) -> set[str]:
    node = classes.get(name)
    if node is None:
        return set()
    bases = [each.id for each in node.bases if isinstance(each, ast.Name)]
    return attributes_of(node).union(*(inherited(each, classes) for each in bases))


def large_classes() -> set[str]:
    classes = {
        node.name: node
        for path in MODULES
        for node in tree_of(path).body
        if isinstance(node, ast.ClassDef)
    }
    return {
        name
        for name, node in classes.items()
        if not has_value(name, classes) and len(inherited(name, classes)) > MAX_ATTRIBUTES
    }


def twin_modules() -> set[str]:
    stems = Counter(path.stem for path in MODULES)
    return {stem for stem, count in stems.items() if count > 1} - {"__init__", "__main__"}


def twin_classes() -> set[str]:
    places = defaultdict(set)
    for path in MODULES:
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(path)
    return {name for name, found in places.items() if len(found) > 1}


def untested_modules() -> set[str]:
    """Without a test at the mirrored place."""
    return {
        relative(path)
        for path in MODULES
        if path.stem not in {"__init__", "__main__"}
        if not (ROOT / "tests" / path.relative_to(AGENT).with_name(f"test_{path.name}")).exists()
    }


def package_of(module: str) -> str:
    path = ROOT / Path(*module.split("."))
    return module if path.is_dir() else module.rpartition(".")[0]


def package_graph() -> dict[str, set[str]]:
    names = {name_of(path) for path in MODULES}
    graph: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        here = package_of(name_of(path))
        for module in imports_of(path):
            if module in names and package_of(module) not in (here, "agent"):
                graph[here].add(package_of(module))
    graph.pop("agent", None)  # the command line and the daemon: the roots, which nothing imports
    return graph


def packages_in_circles() -> set[str]:
    """The steps by which a package can be reached from itself."""
    graph = package_graph()

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        waiting = [start]
        while waiting:
            for each in graph.get(waiting.pop(), ()):
                if each not in found:
                    found.add(each)
                    waiting.append(each)
        return found

    beyond = {package: reached(package) for package in graph}
    return {
        f"{package} -> {each}"
        for package, imported in graph.items()
        for each in imported
        if package in beyond.get(each, ())
    }


FINDERS: dict[str, Callable[[], set[str]]] = {
    "long-file": long_files,
    "long-function": long_functions,
    "large-class": large_classes,
    "twin-module": twin_modules,
    "twin-class": twin_classes,
    "untested-module": untested_modules,
    "package-cycle": packages_in_circles,
}


@pytest.mark.parametrize("kind", FINDERS)
def test_house_has_no_new_exception(kind: str) -> None:
    found, known = FINDERS[kind](), exceptions(kind)
    new, gone = sorted(found - known), sorted(known - found)
    lines = [f"new {kind}: {each}" for each in new]
    lines += [f"no {kind} any more: {each}" for each in gone]
    assert not lines, "\n".join(lines)


def test_house_daemon_is_imported_by_the_command_line_alone() -> None:
    importers = {name_of(path) for path in MODULES if "agent.daemon" in imports_of(path)}
    assert importers <= {"agent.commands.run", "agent.commands.demo", "agent.cli"}


def shrink() -> None:
    """Take out of the list what is no exception any more. Nothing is ever added."""
    kept = [
        f"{kind} {what}"
        for kind, find in FINDERS.items()
        for what in sorted(find() & exceptions(kind))
    ]
    EXCEPTIONS.write_text("".join(f"{line}\n" for line in kept))


if __name__ == "__main__":
    shrink()
