"""The npm package of conversation.js: its types, and what npm would publish."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import agent
from tests.papers import blocks
from tests.parts import require_part

ROOT = Path(__file__).parent.parent.parent
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_part("npx", "npm")
    out = tmp_path_factory.mktemp("javascript")
    script = ROOT / "config/javascript/build.py"
    done = subprocess.run(
        [sys.executable, script, "--out", out, "--scope", "@example"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_what_npm_would_publish(package: Path) -> None:
    about = json.loads((package / "package.json").read_text())
    assert (about["name"], about["version"]) == ("@example/conversation", agent.__version__)
    assert about["peerDependencies"] == {"mqtt": "^5"}
    npm = require_part("npm", "npm")
    done = subprocess.run(
        [npm, "pack", "--dry-run", "--json"],
        cwd=package,
        capture_output=True,
        text=True,
        check=True,
    )
    (packed,) = json.loads(done.stdout)
    names = {each["path"] for each in packed["files"]}
    assert names == {*about["files"], "package.json"}


PRELUDE = """
declare const token: string;
declare const video: HTMLVideoElement;
"""
MQTT = "declare module 'mqtt' { const mqtt: { connect: any }; export default mqtt; }"


def test_a_strict_application_compiles_against_the_types(package: Path) -> None:
    """And so does what the documents show."""
    shutil.copy(ROOT / "tests/web/types.ts", package / "types.ts")
    (package / "mqtt.d.ts").write_text(MQTT)
    sources = ["types.ts", "mqtt.d.ts"]
    for each in blocks():
        if each.language in ("js", "ts"):
            text = each.text.replace("@callbox/conversation", "./conversation.js")
            text = text.replace('document.querySelector("video")', "video")
            sources.append(f"paper-{len(sources)}.ts")
            (package / sources[-1]).write_text(f"// {each}\n{PRELUDE}{text}")
    assert len(sources) > 3
    npx = require_part("npx", "npm")
    done = subprocess.run(
        [
            *(npx, "--yes", "--package", "typescript@5", "tsc", "--noEmit", "--strict"),
            *("--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler"),
            *("--lib", "es2022,dom,dom.iterable", *sources),
        ],
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
