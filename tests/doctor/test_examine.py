"""The whole examination, as a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import Program, configuration

pytestmark = [pytest.mark.broker, pytest.mark.media]


async def doctor(folder: Path, *arguments: str) -> tuple[int, str, str]:
    program = await Program.start(folder / "doctor.log", "doctor", *arguments)
    code, output = await program.finish()
    return code, output, program.log()


def by_area(report: dict[str, Any]) -> dict[str, Any]:
    return {finding["area"]: finding for finding in report["findings"]}


async def test_a_machine_on_which_all_works(tmp_path: Path, mosquitto: Mosquitto) -> None:
    config = configuration(tmp_path, mosquitto.port)
    code, output, log = await doctor(
        tmp_path, "--config", str(config), "--camera", "--seconds", "6", "--json"
    )
    assert code == 0, output + log
    report = json.loads(output)
    findings = by_area(report)
    assert (report["ok"], report["tried_on_hardware"]) == (True, [])
    for area in (
        "clock",
        "settings",
        "records",
        "cameras",
        "video.source",
        "encoder",
        "sound",
        "broker",
        "ice",
        "daemon",
    ):
        assert area in findings
    assert findings["opened"]["figures"]["camera"] == "test pattern"
    assert findings["frame rate"]["figures"]["framerate"] > 1
    assert len(findings["key frames"]["figures"]["delays"]) == 5
    assert len(findings["bitrate"]["figures"]["steps"]) == 3
    assert findings["snapshot"]["figures"]["bytes"] <= 36 * 1024
    # the progress, beside the report
    assert "taking a snapshot" in log


async def test_what_does_not_work_is_told_and_exits_6(tmp_path: Path, mosquitto: Mosquitto) -> None:
    port = mosquitto.port
    mosquitto.stop()
    config = configuration(tmp_path, port)
    config.write_text(
        config.read_text().replace('"pattern"\nwidth', f'"file:{tmp_path}/none.mp4"\nwidth')
    )
    code, output, log = await doctor(tmp_path, "--config", str(config), "--camera")
    assert code == 6
    for words in (
        "none.mp4 cannot be read",
        "refused",
        "there is no such file",
        "tried none of this on a Raspberry Pi",
    ):
        assert words in " ".join(output.split()), output
    # that is no reason here
    assert "A running callbox has it" not in output
    assert "Traceback" not in log


async def test_settings_that_cannot_be_read_are_a_finding(tmp_path: Path) -> None:
    config = tmp_path / "callbox.toml"
    config.write_text("[mqtt]\nprot = 1\n")
    code, output, _ = await doctor(tmp_path, "--config", str(config), "--json")
    findings = by_area(json.loads(output))
    assert code == 6
    assert "mqtt.prot" in findings["settings"]["text"]
    # the rest was looked at all the same
    assert "clock" in findings
