"""Builds the npm package of conversation.js, with its types, into a folder that can be published.

    python3 config/javascript/build.py --out dist/javascript
    npm publish --access public dist/javascript     # under a scope of one's own: --scope @example

The types come from the file's own comments, by the TypeScript compiler (npm fetches it).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TYPESCRIPT = "typescript@5"


def version() -> str:
    """Of callbox."""
    found = re.search(r'^__version__ = "([^"]+)"', (ROOT / "agent/__init__.py").read_text(), re.M)
    if found is None:
        raise RuntimeError("agent/__init__.py names no version")
    return found[1]


def bundle() -> str:
    """conversation.js, as agent/web/bundle.py makes it."""
    spec = importlib.util.spec_from_file_location("bundle", ROOT / "agent/web/bundle.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("agent/web/bundle.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text: str = module.bundle()
    return text


def build(out: Path, scope: str) -> None:
    """Write the package into `out`. Raises RuntimeError with what the compiler or npm says."""
    out.mkdir(parents=True, exist_ok=True)
    text = bundle()
    (out / "conversation.js").write_text(text, encoding="utf-8")
    package = json.loads((HERE / "package.json").read_text())
    package = {"name": f"{scope}/conversation", "version": version(), **_without_name(package)}
    (out / "package.json").write_text(json.dumps(package, indent=2) + "\n")
    readme = (HERE / "README.md").read_text().replace("@callbox/conversation", package["name"])
    (out / "README.md").write_text(readme, encoding="utf-8")
    shutil.copyfile(ROOT / "LICENSE", out / "LICENSE")
    declare(out)


def _without_name(package: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in package.items() if key != "name"}


def declare(out: Path) -> None:
    """Write conversation.d.ts beside conversation.js."""
    npx = shutil.which("npx")
    if npx is None:
        raise RuntimeError("npx is needed to fetch TypeScript; install Node.js with npm")
    source = out / "conversation.js"
    text = source.read_text()
    # its own modules are checked one by one; here only the types are wanted
    source.write_text(text.replace("// @ts-check\n", "// @ts-nocheck\n"))
    done = subprocess.run(  # noqa: S603 - no shell, and words of ours
        [
            *(npx, "--yes", "--package", TYPESCRIPT, "tsc", "conversation.js", "--declaration"),
            *("--emitDeclarationOnly", "--allowJs", "--strict", "--target", "es2022"),
            *("--module", "es2022", "--moduleResolution", "bundler"),
            *("--lib", "es2022,dom,dom.iterable"),
        ],
        cwd=out,
        capture_output=True,
        text=True,
        check=False,
    )
    source.write_text(text)
    if done.returncode or not (out / "conversation.d.ts").exists():
        raise RuntimeError(f"tsc: {done.stdout.strip()} {done.stderr.strip()}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the npm package of conversation.js.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist/javascript")
    parser.add_argument("--scope", default="@callbox", help="whose package it is")
    options = parser.parse_args()
    try:
        build(options.out, options.scope)
    except RuntimeError as error:
        sys.stderr.write(f"build.py: {error}\n")
        return 1
    sys.stdout.write(f"{options.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
