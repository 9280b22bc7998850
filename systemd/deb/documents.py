"""The papers of the Debian package: copyright with third-party notices, changelogs, the manual page
and the completion of the shell.

Notices are read from what was really installed into the package's tree, so that none is forgotten
when a dependency comes or goes. Whoever builds is the maintainer, as for any Debian tool:
$DEBFULLNAME and $DEBEMAIL, or the name and address of git.
"""

from __future__ import annotations

import email.message
import email.parser
import email.utils
import gzip
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DOCUMENTS = Path("usr/share/doc/callbox")

GPL_NOTE = """\
callbox is MIT licensed. The package also carries PyAV's wheel, which brings FFmpeg with libx264
and libx265; both are under the GNU General Public License, version 2 or later. FFmpeg is built
with them, and that copy of FFmpeg is therefore under the GPL as well. Whoever passes this package
on passes on GPL software: the source of these libraries has to be offered along with it, and
nothing may be added to them that the GPL forbids. callbox's own code may be used under its own
license all the same.\
"""

# Libraries that PyAV's wheel brings, by the beginning of their file's name.
BUNDLED = {
    "libx264": "GPL-2.0-or-later",
    "libx265": "GPL-2.0-or-later",
    "libavcodec": "GPL-3.0-or-later (as built here)",
    "libavdevice": "GPL-3.0-or-later (as built here)",
    "libavfilter": "GPL-3.0-or-later (as built here)",
    "libavformat": "GPL-3.0-or-later (as built here)",
    "libavutil": "GPL-3.0-or-later (as built here)",
    "libpostproc": "GPL-3.0-or-later (as built here)",
    "libswresample": "GPL-3.0-or-later (as built here)",
    "libswscale": "GPL-3.0-or-later (as built here)",
    "libmp3lame": "LGPL-2.0-or-later",
    "libgnutls": "LGPL-2.1-or-later",
    "libnettle": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "libhogweed": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "libgmp": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "libunistring": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "libidn2": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "libtasn1": "LGPL-2.1-or-later",
    "libp11": "BSD-3-Clause",
    "libopus": "BSD-3-Clause",
    "libvpx": "BSD-3-Clause",
    "libaom": "BSD-2-Clause",
    "libdav1d": "BSD-2-Clause",
    "libSvtAv1": "BSD-3-Clause-Clear",
    "libopenh264": "BSD-2-Clause",
    "libwebp": "BSD-3-Clause",
    "libsharpyuv": "BSD-3-Clause",
    "libxml2": "MIT",
    "libvpl": "MIT",
    "libdrm": "MIT",
    "libasound": "LGPL-2.1-or-later",
    "libxcb": "MIT",
    "libXau": "MIT",
    "libsrt": "MPL-2.0",
    "libspeex": "BSD-3-Clause",
    "libtwolame": "LGPL-2.1-or-later",
    "libopencore": "Apache-2.0",
    "liblzma": "0BSD",
    "libbz2": "bzip2",
    "libz": "Zlib",
    "libogg": "BSD-3-Clause",
    "libvorbis": "BSD-3-Clause",
    "libpng": "libpng-2.0",
    "libbluray": "LGPL-2.1-or-later",
    "libcrypto": "Apache-2.0",
    "libssl": "Apache-2.0",
}


def maintainer() -> str:
    """`Name <address>` of whoever builds."""
    name = os.environ.get("DEBFULLNAME") or _of_git("user.name") or "callbox builder"
    address = (
        os.environ.get("DEBEMAIL")
        or os.environ.get("EMAIL")
        or _of_git("user.email")
        or f"root@{socket.getfqdn()}"
    )
    return email.utils.formataddr((name, address))


def _of_git(key: str) -> str:
    try:
        found = subprocess.run(  # noqa: S603 - git, no shell
            ["git", "-C", ROOT, "config", key],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return found.stdout.strip()


def install(tree: Path, packages: Path, version: str, epoch: int) -> None:
    """Write them all below `tree`. `packages`: its site-packages; `epoch`: Unix time of the
    build.
    """
    folder = tree / DOCUMENTS
    folder.mkdir(parents=True)
    (folder / "copyright").write_text(copyright_file(packages), encoding="utf-8")
    compress((ROOT / "CHANGELOG.md").read_text(), folder / "changelog.gz")
    compress(debian_changelog(version, epoch), folder / "changelog.Debian.gz")
    overrides = tree / "usr/share/lintian/overrides/callbox"
    overrides.parent.mkdir(parents=True)
    shutil.copyfile(HERE / "lintian-overrides", overrides)
    manual = tree / "usr/share/man/man1/callbox.1.gz"
    manual.parent.mkdir(parents=True)
    compress(of_command_line("manual"), manual)
    completion = tree / "usr/share/bash-completion/completions/callbox"
    completion.parent.mkdir(parents=True)
    completion.write_text(of_command_line("completion"), encoding="utf-8")


def of_command_line(what: str) -> str:
    """The manual page or the completion, made from the commands themselves."""
    done = subprocess.run(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "agent.commands.manual", what],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"agent.commands.manual {what}: {done.stderr.strip()}")
    return done.stdout


def compress(text: str, path: Path) -> None:
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def debian_changelog(version: str, epoch: int) -> str:
    """The entry of the version that is built; what has changed stands in changelog.gz."""
    day = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(epoch))
    return (
        f"callbox ({version}) stable; urgency=medium\n\n"
        "  * Built from the project's own tree; /usr/share/doc/callbox/changelog.gz\n"
        "    tells what has changed, and what an upgrade asks for.\n\n"
        f" -- {maintainer()}  {day}\n"
    )


def copyright_file(packages: Path) -> str:
    """The license of callbox, then of everything that the package carries."""
    license_text = (ROOT / "LICENSE").read_text()
    parts = [
        "Upstream-Name: callbox",
        f"Comment:\n{_indented(GPL_NOTE)}",
        "",
        f"Files: *\nCopyright: the callbox contributors\nLicense: MIT\n{_indented(license_text)}",
    ]
    parts += [
        notice for info in sorted(packages.glob("*.dist-info")) if (notice := notice_of(info))
    ]
    if bundled := bundled_libraries(packages):
        lines = "\n".join(f"{name}: {license_}" for name, license_ in bundled.items())
        parts.append(
            "Files: usr/lib/callbox/lib/*/site-packages/av.libs/*\n"
            "Copyright: the authors of each library\n"
            "License: various\n"
            f"{_indented(lines)}"
        )
    mqtt_js = ROOT / "agent/web/vendor/mqtt.LICENSE.txt"
    parts.append(
        "Files: usr/lib/callbox/lib/*/site-packages/agent/web/vendor/mqtt.min.js\n"
        "Copyright: the MQTT.js contributors\n"
        f"License: MQTT.js\n{_indented(mqtt_js.read_text())}"
    )
    return "\n\n".join(parts) + "\n"


def notice_of(info: Path) -> str | None:
    """A paragraph for an installed distribution, with the texts of its licenses. None: our own."""
    meta = email.parser.Parser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
    name = meta["Name"]
    if name == "callbox":
        return None
    texts = [
        _or_reference(path.read_text(encoding="utf-8", errors="replace"))
        for path in sorted(info.rglob("*"))
        if path.is_file() and re.match(r"(?i)(license|licence|copying|notice)", path.name)
    ]
    return (
        f"Files: usr/lib/callbox/lib/*/site-packages/{name}\n"
        f"Copyright: {_author(meta)}\n"
        f"License: {license_of(meta)}\n"
        f"{_indented(chr(10).join(texts) or 'as its authors say')}"
    )


def _or_reference(text: str) -> str:
    """Debian has the long texts once for all packages."""
    if "Apache License" in text and "Version 2.0, January 2004" in text:
        return "On Debian systems the text is in /usr/share/common-licenses/Apache-2.0."
    return text


def license_of(meta: email.message.Message) -> str:
    """In one line."""
    named = meta["License-Expression"] or meta["License"] or ""
    if not named or "\n" in named:
        classes = [each for each in meta.get_all("Classifier") or () if each.startswith("License")]
        named = " and ".join(each.rsplit(" :: ", 1)[-1] for each in classes) or "see below"
    return named.replace("\n", " ")


def _author(meta: email.message.Message) -> str:
    return meta["Author"] or meta["Author-email"] or f"the {meta['Name']} contributors"


def bundled_libraries(packages: Path) -> dict[str, str]:
    """The shared libraries that PyAV's wheel brings, and their licenses. Raises RuntimeError for
    one that nobody has looked up.
    """
    found: dict[str, str] = {}
    for path in sorted(packages.glob("av.libs/*.so*")):
        name = re.split(r"[-.]", path.name, maxsplit=1)[0]
        fits = [key for key in BUNDLED if name.startswith(key)]
        if not fits:
            raise RuntimeError(f"{path.name}: look up its license, and add it to documents.BUNDLED")
        found[name] = BUNDLED[max(fits, key=len)]
    return found


def _indented(text: str) -> str:
    """As the continuation of a field of deb822(5)."""
    return "\n".join(f" {line.rstrip() or '.'}" for line in text.strip().splitlines())
