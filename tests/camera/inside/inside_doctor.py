"""`callbox doctor --camera` on the virtual camera."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.camera.inside.inside_call import PORT

pytestmark = pytest.mark.skipif(
    not PORT, reason="mosquitto is not installed (apt-get install mosquitto)"
)


async def test_the_doctor_measures_the_camera(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text(
        f'uid = "door"\nstate_directory = "{tmp_path}"\n[mqtt]\nport = {PORT}\n'
        '[video]\nsource = "picamera2"\nwidth = 640\nheight = 360\nbitrate = 1_000_000\n'
    )
    program = await asyncio.create_subprocess_exec(
        *[
            sys.executable,
            "-m",
            "tests.camera.inside.virtual_device",
            "doctor",
            "--config",
            str(config),
        ],
        *["--camera", "--seconds", "6", "--json"],
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await program.communicate()
    report = json.loads(output)
    findings = {finding["area"]: finding for finding in report["findings"]}
    assert program.returncode == 0, output
    assert findings["broker"]["verdict"] == "ok"
    assert findings["cameras"]["figures"]["libcamera"] == ["virtual"]
    assert findings["opened"]["figures"]["encoder"] == "libx264"
    assert findings["frame rate"]["figures"]["framerate"] > 0
    assert all(
        delay["seconds"] is not None for delay in findings["key frames"]["figures"]["delays"]
    )
    steps = findings["bitrate"]["figures"]["steps"]
    assert steps[1]["asked"] < steps[0]["asked"] < steps[2]["asked"]
    assert steps[1]["sent"] < steps[2]["sent"]
    assert report["system"]["picamera2"][0].isdigit()
    assert "0." in report["system"]["libcamera"]
