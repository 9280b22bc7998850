"""Home-made certificates count the same on each suite's own Python and OpenSSL, with the modules of
its package; `tests/test_tls.py` has the same on this machine's.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest

import tests.tls_handshakes
from tests.conftest import Mosquitto
from tests.faults.trixie_brokers import within
from tests.parts import require_part
from tests.signaling.mqtt.certificates import VARIANTS, home_made
from tests.systemd.conftest import build_package
from tests.systemd.machine import root_filesystem

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]

PYTHONS = {"trixie": "3.13", "bookworm": "3.11"}
# what Python itself takes of them from 3.13 on, and what it took before
TAKEN = {
    "3.13": {"complete", "intermediate alone"},
    "3.11": set(VARIANTS) - {"intermediate alone"},
}


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[dict[str, int]]:
    """One for each variant, on this machine; its certificates lie in `tmp_path`."""
    ports = {}
    with ExitStack() as stack:
        for variant in VARIANTS:
            _, certificate, key = home_made(tmp_path / "certificates" / variant, variant)
            lines = (f"certfile {certificate}", f"keyfile {key}")
            broker = Mosquitto(tmp_path, lines=lines)
            broker.start()
            stack.callback(broker.stop)
            ports[variant] = broker.port
        yield ports


def test_home_made_certificates_count_on_the_suites_own_python(
    suite: str, builder: ModuleType, tmp_path: Path, brokers: dict[str, int]
) -> None:
    require_part("unshare", "util-linux")
    package = build_package(builder, suite, "amd64")
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path / "package"], check=True)
    modules = next((tmp_path / "package").glob("usr/lib/callbox/lib/python3.*/site-packages"))
    program = shutil.copy(tests.tls_handshakes.__file__, tmp_path / "handshakes.py")
    inside = [
        *("env", "-i", "LC_ALL=C.UTF-8", f"PYTHONPATH=/mnt/{modules.relative_to(tmp_path)}"),
        *("/usr/bin/python3", f"/mnt/{Path(program).name}", "/mnt/certificates"),
        *(f"{variant}={port}" for variant, port in brokers.items()),
    ]
    done = subprocess.run(
        within(root_filesystem(suite), tmp_path, *inside),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    python = found.pop("python")
    assert python == PYTHONS[suite]
    for variant in VARIANTS:
        taken = found.pop(f"{variant}, Python's own") == ""
        assert taken is (variant in TAKEN[python]), variant
        stranger = found.pop(f"{variant}, nobody named")
        assert "certificate" in stranger
        assert "mqtt.tls.ca_file" in stranger
    assert set(found.values()) == {""}, found
    assert len(found) == 4 * len(VARIANTS)
