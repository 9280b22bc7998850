"""The rules of the house: arrows go one way, there are no cycles, and the core is pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
AGENT = ROOT / "agent"
MODULES = sorted(AGENT.rglob("*.py"))
SHARED = (
    "agent",
    "agent.background",
    "agent.core",
    "agent.ports",
    "agent.errors",
    "agent.counts",
    "agent.options",
    "agent.threads",
    "agent.printable",
    "agent.tls",
    "agent.h264",
)
ADAPTERS = ("signaling", "media", "webrtc", "service", "doorbell")
# What the core may not know of: the world, and time.
IMPURE = {
    "asyncio",
    "logging",
    "os",
    "pathlib",
    "queue",
    "random",
    "select",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "threading",
    "time",
    "uuid",
    "aiortc",
    "aioice",
    "av",
    "paho",
    "picamera2",
    "systemd",
}
CLOCKS = {"now", "today", "utcnow"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, *, top_level_only: bool = False) -> tuple[str, ...]:
    return tuple(name for name, is_top in _imports_in(path) if is_top or not top_level_only)


@cache
def _imports_in(path: Path) -> tuple[tuple[str, bool], ...]:
    """With whether it stands at the top level. Read once for all tests of a run."""
    tree = ast.parse(path.read_text())
    return tuple((name, node in tree.body) for node in statements(tree) for name in _names_in(node))


def _names_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All below a node but expressions, which are most of a file: none holds a statement."""
    for each in ast.iter_child_nodes(node):
        if not isinstance(each, ast.expr):
            yield each
            yield from statements(each)


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


# programs that write what is generated from the core; nothing imports them
PROGRAMS = {AGENT / "core" / "call" / "__main__.py"}


@pytest.mark.parametrize("path", sorted({*(AGENT / "core").rglob("*.py")} - PROGRAMS), ids=name_of)
def test_the_core_is_pure(path: Path) -> None:
    for module in imports_of(path):
        assert module.split(".")[0] not in IMPURE, f"{path.name} imports {module}"
        assert not within(module, "agent") or within(module, "agent.core") or module == "agent"
    assert_does_nothing_to_the_world(path)


PROTOCOL = "agent.signaling.protocol"


@pytest.mark.parametrize(
    "path", sorted((AGENT / "signaling" / "protocol").rglob("*.py")), ids=name_of
)
def test_the_protocol_is_pure(path: Path) -> None:
    """`schema` writes the files in `config`, as a command of its own."""
    if path.name == "schema.py":
        return
    ground = ("agent.core", "agent.errors", "agent.options", PROTOCOL)
    for module in imports_of(path):
        assert module.split(".")[0] not in IMPURE, f"{path.name} imports {module}"
        allowed = not within(module, "agent") or within(module, *ground) or not is_module(module)
        assert allowed or module == "agent", f"{path.name} imports {module}"
    assert_does_nothing_to_the_world(path)


def assert_does_nothing_to_the_world(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            clock = node.attr in CLOCKS and node.value.id in {"datetime", "date"}
            assert not clock, f"{path.name}:{node.lineno} reads the clock"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input"}, (
                f"{path.name}:{node.lineno} does I/O"
            )


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_never_import_each_other(adapter: str) -> None:
    for path in sorted((AGENT / adapter).glob("**/*.py")):
        for module in imports_of(path):
            allowed = module == "agent" or not within(module, "agent")
            allowed = (
                allowed or within(module, *SHARED[1:], f"agent.{adapter}") or not is_module(module)
            )
            assert allowed, f"{path.relative_to(ROOT)} imports {module}"


def test_the_client_knows_ports_only() -> None:
    """Whoever writes another signaling, or another transport, need not touch it."""
    for path in sorted((AGENT / "client").glob("**/*.py")):
        for module in imports_of(path):
            assert not within(module, *(f"agent.{adapter}" for adapter in ADAPTERS)), (
                f"{path.relative_to(ROOT)} imports {module}"
            )


@cache
def is_module(name: str) -> bool:
    """`from agent import __version__` names no module of its own."""
    path = ROOT / Path(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def test_the_shared_modules_stand_below_everything() -> None:
    names = ("ports", "errors", "counts", "options", "printable")
    ground = (AGENT / f"{name}.py" for name in names)
    for path in (*ground, *(AGENT / "h264").glob("*.py")):
        for module in imports_of(path):
            assert not within(module, "agent") or within(module, *SHARED), (
                f"{path.name} imports {module}"
            )


def test_no_import_cycles() -> None:
    names = {name_of(path) for path in MODULES}
    graph = {
        name_of(path): {
            module for module in imports_of(path) if module in names and module != name_of(path)
        }
        - {".".join(name_of(path).split(".")[:-1])}
        for path in MODULES
    }
    list(TopologicalSorter(graph).static_order())  # raises CycleError


def test_hardware_and_system_packages_are_imported_only_where_they_are_used() -> None:
    for path in MODULES:
        for module in imports_of(path, top_level_only=True):
            assert module.split(".")[0] not in {"picamera2", "libcamera", "systemd", "numpy"}, (
                f"{path}: {module}"
            )


def test_no_test_of_the_core_waits_or_uses_the_network() -> None:
    for path in sorted((ROOT / "tests" / "core").rglob("*.py")):
        modules = {module.split(".")[0] for module in imports_of(path)}
        assert not modules & {"asyncio", "socket", "threading", "time"}, path.name
