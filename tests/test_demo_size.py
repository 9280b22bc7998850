"""What `make demo` puts on the disk of a small board."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MOST = 200 * 10**6  # bytes


@pytest.mark.further_case
@pytest.mark.timeout(600)
def test_make_demo_installs_less_than_200_megabytes(tmp_path: Path) -> None:
    """And the command that it starts then is there."""
    venv = tmp_path / "venv"
    subprocess.run(
        ["make", f"VENV={venv}", f"{venv}/.demo-ready"], cwd=ROOT, check=True, capture_output=True
    )
    # what the first start compiles is a part of it
    subprocess.run([venv / "bin/callbox", "demo", "--help"], check=True, capture_output=True)
    subprocess.run(
        [venv / "bin/python", "-c", "import agent.commands.demo, agent.webrtc.peer"], check=True
    )
    files = [each for each in venv.rglob("*") if each.is_file() and not each.is_symlink()]
    assert sum(each.stat().st_size for each in files) < MOST
