"""The one file that people copy, made of the page's modules."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from agent.web import bundle
from tests.parts import require_part


def module(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    module(tmp_path, "index.js", '// @ts-check\n/** All. */\n\nexport { b } from "./parts/b.js";\n')
    module(
        tmp_path,
        "parts/b.js",
        "// @ts-check\n/** B. */\n\n"
        'import { a } from "../a.js";\n\n'
        '/** @typedef {import("../a.js").A} A */\n\n'
        "/**\n"
        ' * @typedef {import("../a.js").A} A\n'
        ' * @typedef {import("../a.js").A | null} MaybeA\n'
        " */\n"
        "// Why.\n"
        'export const b = (/** @type {import("../a.js").A} */ x) => a(x);\n',
    )
    module(tmp_path, "a.js", "// @ts-check\n/** @typedef {object} A */\n\nexport function a() {}\n")
    return tmp_path


def test_bundle_puts_a_module_after_its_imports(folder: Path) -> None:
    text = bundle.bundle(folder)
    assert text.startswith("// @ts-check\n/** All. */\n")
    assert text.index("-- a.js ") < text.index("-- parts/b.js ")
    assert text.endswith("export {\n  b,\n};\n")


def test_bundle_keeps_comments_and_types_without_their_modules(folder: Path) -> None:
    text = bundle.bundle(folder)
    assert "// Why.\nconst b = (/** @type {A} */ x) => a(x);" in text
    assert "import" not in text
    assert re.findall(r"@typedef (.*)", text) == ["{object} A */", "{A | null} MaybeA"]


def test_bundle_refuses_a_name_of_two_modules(folder: Path) -> None:
    module(folder, "a.js", "export function a() {}\nconst b = 1;\n")
    with pytest.raises(RuntimeError, match="declared in two modules: b"):
        bundle.bundle(folder)


def test_bundle_of_the_page_is_readable() -> None:
    """As the modules are: nothing shortened, nothing left out but what a module needs."""
    text = bundle.bundle()
    sources = [path.read_text() for path in bundle.MODULES.rglob("*.js")]
    # sections have a title more, and imports and aliases of types less
    assert len(text) > 0.85 * sum(len(source) for source in sources)
    assert max(len(line) for line in text.splitlines()) <= 130
    assert not re.search(r"^(import|export (?!\{$))", text, re.MULTILINE)


def test_build_writes_what_the_modules_say_and_only_then() -> None:
    path = bundle.build()
    before = path.stat().st_mtime_ns
    assert path.read_text() == bundle.bundle()
    assert bundle.build().stat().st_mtime_ns == before


def test_built_file_is_a_module_that_exports_what_the_modules_do() -> None:
    node = require_part("node", "nodejs")
    names = "Object.keys(await import(`file://${process.argv[1]}`)).sort().join()"
    exports = [
        subprocess.run(
            [node, "--input-type=module", "--eval", f"console.log({names})", str(path)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for path in (bundle.build(), bundle.MODULES / bundle.ENTRY)
    ]
    assert exports[0] == exports[1]
    assert "CallClient" in exports[0]


def test_build_without_npm_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a wheel is built; what is installed for development does without the page."""
    monkeypatch.setattr(bundle, "TARGET", tmp_path / "mqtt.min.js")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"^callbox: npm is needed to fetch mqtt@.* Node\.js"):
        bundle.CustomBuildHook().initialize("standard", {})
    bundle.CustomBuildHook().initialize("editable", {})
