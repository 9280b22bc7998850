"""Run by Home Assistant's own Python: what the integrations that tests load ask for, read from
their manifests in the installed Home Assistant.

usage: requirements.py list      their requirements, without the page's
       requirements.py frontend  the page's own
       requirements.py prune     removes every integration that is not needed
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Beside what Home Assistant sets up by itself: what our discovery and our integration meet.
WANTED = {
    "automation",
    "blueprint",
    "camera",
    "diagnostics",
    "doorbell",
    "homeassistant",
    "isal",
    "mobile_app",
    "mqtt",
    "notify",
    "persistent_notification",
    "repairs",
    "script",
    "system_log",
}
# Imported by others, and never set up.
IMPORTED = {"hassio"}
# Wake words: no wheels for this Python, and nobody here speaks. build.sh puts empty modules there.
LEFT_OUT = ("pymicro-vad", "pyspeex-noise")
FRONTEND = "home-assistant-frontend"


def home() -> Path:
    found = find_spec("homeassistant")
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(next(iter(found.submodule_search_locations)))


def components() -> Path:
    return home() / "components"


def manifest(domain: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((components() / domain / "manifest.json").read_text())
    return found


def needed() -> set[str]:
    """What the start sets up by itself, what is wanted here, and what those depend on."""
    block = re.search(
        r"^DEFAULT_INTEGRATIONS = \{(.*?)^\}", (home() / "bootstrap.py").read_text(), re.S | re.M
    )
    assert block is not None
    todo = set(re.findall(r'^\s+"(\w+)",', block.group(1), re.M)) | WANTED | set(platforms())
    found: set[str] = set()
    while todo:
        domain = todo.pop()
        if domain not in found and (components() / domain / "manifest.json").exists():
            found.add(domain)
            todo |= set(manifest(domain).get("dependencies", ()))
    return found


def platforms() -> list[str]:
    """Every kind of entity; older versions have no file that lists them."""
    listed = home() / "generated" / "entity_platforms.py"
    text = listed.read_text() if listed.exists() else (home() / "const.py").read_text()
    pattern = r'= "(\w+)"' if listed.exists() else r'^    [A-Z_]+ = "(\w+)"'
    return re.findall(pattern, text, re.M)


def requirements() -> Iterator[str]:
    for domain in sorted(needed() | IMPORTED):
        for each in manifest(domain).get("requirements", ()):
            if not each.lower().startswith(LEFT_OUT):
                yield each


def prune() -> None:
    """Keep what is set up, and whatever that and the core import."""
    todo, kept = needed() | imports(_core()), set()
    while todo:
        domain = todo.pop()
        kept.add(domain)
        files = (components() / domain).rglob("*.py")
        todo |= {each for each in imports(files) if (components() / each).is_dir()} - kept
    removed = [
        each
        for each in components().iterdir()
        if each.is_dir() and each.name not in {*kept, "__pycache__"}
    ]
    for each in removed:
        shutil.rmtree(each)
    print(f"home assistant: {len(removed)} integrations removed, {len(kept)} kept")


def _core() -> Iterator[Path]:
    return (each for each in home().rglob("*.py") if components() not in each.parents)


def imports(files: Iterable[Path]) -> set[str]:
    """The integrations that these modules import, in whichever form."""
    return {domain for file in files for domain in _imports_of(ast.parse(file.read_bytes()))}


def _imports_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = (node.module or "").removeprefix("homeassistant.")
            if module == "components" or (node.level and module.endswith("components")):
                yield from (alias.name for alias in node.names)
            elif module.startswith("components."):
                yield module.split(".")[1]
        elif isinstance(node, ast.Import):
            names = (alias.name for alias in node.names)
            yield from (
                name.split(".")[2] for name in names if name.startswith("homeassistant.components.")
            )


def main() -> None:
    if sys.argv[1] == "prune":
        prune()
        return
    page = sys.argv[1] == "frontend"
    print(*(each for each in requirements() if each.startswith(FRONTEND) == page), sep="\n")


if __name__ == "__main__":
    main()
