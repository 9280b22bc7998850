"""What the README has a newcomer type does what it says, at any time of the day."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.cli import app
from tests.conftest import Mosquitto
from tests.e2e.device import PATIENCE, device, watching

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The settings of `Use it by hand`."""
    (text,) = re.findall(
        r"^cat > door\.toml <<'TOML'\n(.*?)^TOML$", README.read_text(), re.DOTALL | re.MULTILINE
    )
    path = tmp_path / "door.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("caller", "hour", "decision"),
    [
        ("front-desk", 3, "accept"),
        ("front-desk", 12, "accept"),
        ("family-1", 12, "accept"),
        ("family-1", 3, "reject"),
    ],
)
def test_who_may_call_by_the_sample(sample: Path, caller: str, hour: int, decision: str) -> None:
    options = [
        "--config",
        str(sample),
        "--caller",
        caller,
        "--at",
        f"2026-11-22T{hour:02}:30",
        "--json",
    ]
    result = CliRunner().invoke(app, ["policy", "explain", *options])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["action"] == decision


@pytest.mark.broker
@pytest.mark.media
async def test_python_example_calls_a_device(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Word for word, but for the port of the broker."""
    (text,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    assert len([line for line in text.splitlines() if line.strip()]) <= 8
    script = tmp_path / "example.py"
    script.write_text(text.replace("mqtt://127.0.0.1", f"mqtt://127.0.0.1:{mosquitto.port}"))
    policy = '[[policy.rule]]\nname = "briefly"\naction = "accept"\nmax_duration = "2s"\n'
    async with (
        watching(mosquitto) as watcher,
        device(tmp_path, mosquitto, watcher, policy=policy),
        asyncio.timeout(2 * PATIENCE),
    ):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(script), stdout=PIPE, stderr=PIPE
        )
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert output.decode().startswith("ACCEPTED\n")
    assert "max_duration" in output.decode()
