"""Makes what the page needs beside its own files: `conversation.js`, and MQTT.js.

`conversation.js` is the modules below `callbox/` in one file that people copy: comments and all,
one after the other, each after those that it imports. MQTT.js is the page's one third-party part,
in the version that package.json names.

It runs without the project's own dependencies: as the build hook of pyproject.toml, and as a
script.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # not building
    BuildHookInterface = object

HERE = Path(__file__).parent
MODULES = HERE / "callbox"
ENTRY = "index.js"
BUNDLE = HERE / "conversation.js"

PACKAGE = "mqtt@" + json.loads((HERE / "package.json").read_text())["dependencies"]["mqtt"]
MEMBER = "package/dist/mqtt.min.js"
LICENSE_MEMBER = "package/LICENSE.md"
SHA256 = "f3cbeae580d3010048938ee370f2db0c15d16e6f7fc147cb32ae5510e571b387"
TARGET = HERE / "vendor" / "mqtt.min.js"
LICENSE = TARGET.with_name("mqtt.LICENSE.txt")

_IMPORT = re.compile(r'^import \{[^}]*\} from "(\.[^"]+)";\n', re.MULTILINE)
_EXPORT_FROM = re.compile(r'^export \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
_DECLARATION = re.compile(
    r"^(?:export )?(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE
)
# types of other modules: the name alone says it here
_TYPE_ALIAS = re.compile(
    r"^(?: \* @typedef \{[^\n]*import\([^\n]*\} \w+\n|/\*\* @typedef \{import\([^\n]*\*/\n)",
    re.MULTILINE,
)
_TYPE_OF_MODULE = re.compile(r'import\("[^"]+"\)\.')
_EMPTY_COMMENT = re.compile(r"^/\*\*\n(?: \*\n)* \*/\n", re.MULTILINE)


def _in_order(name: str, folder: Path, found: dict[str, str]) -> dict[str, str]:
    """Sources by name, `name` after whatever it imports."""
    if name not in found:
        source = (folder / name).read_text(encoding="utf-8")
        for pattern, group in ((_IMPORT, 1), (_EXPORT_FROM, 2)):
            for match in pattern.finditer(source):
                imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), match[group]))
                _in_order(imported, folder, found)
        found[name] = source
    return found


def _section(name: str, source: str) -> str:
    """A module as a part of the one file."""
    body = _IMPORT.sub("", source.removeprefix("// @ts-check\n"))
    body = re.sub(r"^export (?=async |function|class|const|let)", "", body, flags=re.MULTILINE)
    body = _TYPE_OF_MODULE.sub("", _TYPE_ALIAS.sub(_kept, body))
    body = re.sub(r"\n{3,}", "\n\n", _EMPTY_COMMENT.sub("", body))
    title = f"// -- {name} "
    return f"{title}{'-' * (100 - len(title))}\n\n{body.strip()}\n"


def _kept(match: re.Match[str]) -> str:
    """An alias that only names a type of another module goes; a type made of several stays."""
    is_alias = re.fullmatch(
        r'(?: \*|/\*\*) @typedef \{import\("[^"]+"\)\.(\w+)\} \1(?: \*/)?\n', match[0]
    )
    return "" if is_alias else match[0]


def bundle(folder: Path = MODULES) -> str:
    """The modules of `folder` as one. Raises RuntimeError for a name that stands in two of them."""
    sources = _in_order(ENTRY, folder, {})
    entry = sources.pop(ENTRY)
    counts = Counter(name for source in sources.values() for name in _DECLARATION.findall(source))
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise RuntimeError(f"callbox/: declared in two modules: {', '.join(twice)}")
    exported = sorted(
        name.strip() for match in _EXPORT_FROM.finditer(entry) for name in match[1].split(",")
    )
    head = _EXPORT_FROM.sub("", entry).strip()
    parts = [_section(name, source) for name, source in sources.items()]
    names = "".join(f"  {name},\n" for name in exported if name)
    return "\n".join([f"{head}\n", *parts, f"export {{\n{names}}};\n"])


def build() -> Path:
    """Write `conversation.js`, unless it is up to date. Returns its path."""
    text = bundle()
    if not BUNDLE.exists() or BUNDLE.read_text(encoding="utf-8") != text:
        BUNDLE.write_text(text, encoding="utf-8")
    return BUNDLE


def fetch() -> Path:
    """The path of MQTT.js, fetched with npm unless it is there already. Raises RuntimeError with
    what to do.
    """
    if LICENSE.exists() and TARGET.exists() and _digest(TARGET.read_bytes()) == SHA256:
        return TARGET
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            f"npm is needed to fetch {PACKAGE} for the page; install Node.js with npm"
        )
    with tempfile.TemporaryDirectory() as folder:
        # npm is the person's own, and the rest are words of ours
        done = subprocess.run(  # noqa: S603
            [npm, "pack", "--loglevel=error", PACKAGE],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"npm could not fetch {PACKAGE}: {done.stderr.strip()}")
        archive = next(Path(folder).glob("*.tgz"))
        with tarfile.open(archive) as tar:
            data, text = _member(tar, MEMBER), _member(tar, LICENSE_MEMBER)
    if _digest(data) != SHA256:
        raise RuntimeError(f"{PACKAGE} is not what it was: its SHA-256 is {_digest(data)}")
    TARGET.parent.mkdir(exist_ok=True)
    LICENSE.write_bytes(text)
    TARGET.write_bytes(data)
    return TARGET


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    try:
        member = tar.extractfile(name)
    except KeyError:
        member = None
    if member is None:
        raise RuntimeError(f"{PACKAGE} has no {name}")
    return member.read()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Puts both into the wheel and the source archive; an editable install does without MQTT.js."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        try:
            build()
            if version != "editable":
                fetch()
        except RuntimeError as error:
            # one line for whoever builds, in place of the builder's traceback
            sys.exit(f"callbox: {error}")


if __name__ == "__main__":
    try:
        build()
        fetch()
    except RuntimeError as error:
        sys.exit(f"callbox: {error}")
