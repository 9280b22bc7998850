"""`make homeassistant`: the zip of the integration, for HACS and for a hand.

    python config/homeassistant/build.py [--out dist] [--home URL]

`callbox-homeassistant.zip` holds what belongs into `custom_components/callbox`, with the version of
the package; the same sources make the same bytes. `--home` is the address of the repository that
publishes it: then the manifest names it as documentation and issue tracker.
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from pathlib import Path

COMPONENT = Path(__file__).parent / "custom_components" / "callbox"
NAME = "callbox-homeassistant.zip"
# what a zip can say, and always the same
_EPOCH = (1980, 1, 1, 0, 0, 0)
_KINDS = {".py", ".json", ".yaml", ".png"}


def version() -> str:
    """The package's own."""
    text = (Path(__file__).parents[2] / "agent" / "__init__.py").read_text()
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise SystemExit("agent/__init__.py names no version")
    return found[1]


def manifest(release: str, home: str | None = None) -> str:
    """The manifest of a release; Home Assistant wants the domain and the name first, and the rest
    in order.
    """
    known = json.loads((COMPONENT / "manifest.json").read_text())
    known["version"] = release
    if home is not None:
        known |= {"documentation": home, "issue_tracker": f"{home.rstrip('/')}/issues"}
    first = {key: known.pop(key) for key in ("domain", "name")}
    return json.dumps({**first, **dict(sorted(known.items()))}, indent=2) + "\n"


def build(out: Path, release: str, home: str | None = None) -> Path:
    """The zip, in the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / NAME
    files = sorted(each for each in COMPONENT.rglob("*") if each.suffix in _KINDS)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in files:
            name = each.relative_to(COMPONENT).as_posix()
            content = each.read_bytes()
            if name == "manifest.json":
                content = manifest(release, home).encode()
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("dist"))
    parser.add_argument("--home", help="address of the repository that publishes it")
    arguments = parser.parse_args()
    print(build(arguments.out, version(), arguments.home))


if __name__ == "__main__":
    main()
