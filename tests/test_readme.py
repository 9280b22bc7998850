"""What a newcomer types, from README and docs/getting-started.md, does what they say."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import re
import shutil
import subprocess
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.cli import app
from tests.conftest import Mosquitto, free_port
from tests.e2e.device import PATIENCE, device, watching
from tests.parts import missing

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
GETTING_STARTED = ROOT / "docs" / "getting-started.md"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The settings of the device on a desk."""
    (text,) = re.findall(
        r"^cat > door\.toml <<'TOML'\n(.*?)^TOML$",
        GETTING_STARTED.read_text(),
        re.DOTALL | re.MULTILINE,
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


@contextmanager
def started(command: str, folder: Path, log: Path) -> Iterator[None]:
    """A line of the shell at work in `folder`, until the context is left."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=folder, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.broker
@pytest.mark.media
def test_getting_started_ends_with_a_recorded_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is typed, but for the port; the broker has access rules, and keeps to them."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/sbin:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    if shutil.which("mosquitto_passwd") is None:
        missing("mosquitto-clients and mosquitto are not installed")
    port = free_port()
    text = (
        GETTING_STARTED.read_text()
        # root's mosquitto goes on as a user of its own, who may not read these files
        .replace("listener 1883", f"user {getpass.getuser()}\nlistener {port}")
        .replace("[mqtt]\n", f"[mqtt]\nport = {port}\n")
        .replace("@127.0.0.1 ", f"@127.0.0.1:{port} ")
        .replace("mosquitto_sub ", f"mosquitto_sub -p {port} ")
        .replace("/tmp/callbox-state", str(tmp_path / "state"))
        .replace("--seconds 10", "--seconds 2")
    )
    settings, broker, calls = re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[:3]
    prepare, _, serve = broker.strip().rpartition("\n")
    run, watch, call = calls.strip().splitlines()
    subprocess.run(["bash", "-ec", settings + prepare], cwd=tmp_path, check=True)
    with (
        started(serve, tmp_path, tmp_path / "broker.log"),
        started(run, tmp_path, tmp_path / "run.log"),
    ):
        wait_for_line(tmp_path / "run.log", "ready: idle; broker")
        with started(watch, tmp_path, tmp_path / "events.log"):
            wait_for_line(tmp_path / "events.log", "door-1/status")
            result = subprocess.run(
                ["bash", "-c", call], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert result.returncode == 0, result.stderr
            wait_for_line(tmp_path / "events.log", "events/closed")
    assert (tmp_path / "call.mkv").stat().st_size > 10_000


def wait_for_line(log: Path, words: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not (log.exists() and words in log.read_text()):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
