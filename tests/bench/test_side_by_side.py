from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from tests.bench import __main__ as bench
from tests.bench import gstreamer, side_by_side
from tests.bench.clips import CLIP_1080P, CLIPS, Clip
from tests.bench.figures import Figure, NotMeasured
from tests.bench.receiver import Capture
from tests.bench.scene import Scene
from tests.bench.side_by_side import (
    BASE,
    DEVICE,
    GSTREAMER,
    PHASES,
    Run,
    figures_of,
    middle,
    phases,
    table_of,
)
from tests.conftest import Mosquitto
from tests.e2e.device import Watcher


def a_run(cpu: float, latency: float | None = 5.0) -> Run:
    return Run(cpu, 70.0, latency, dict.fromkeys(PHASES, 10.0), 30.0)


def test_the_middle_of_runs_is_taken_value_by_value() -> None:
    found = middle([a_run(3, 9), a_run(1, None), a_run(2, 5)])
    assert (found.cpu, found.latency) == (2, 7)
    assert middle([a_run(1, None)]).latency is None


def test_phases_follow_each_other() -> None:
    times = {"ice": 10.02, "dtls": 10.03, "first frame": 10.5}
    assert phases(0.05, 10.0, times) == pytest.approx(
        {"response": 50, "ice": 20, "dtls": 10, "first frame": 470}
    )


def test_the_table_has_a_ratio_in_every_line() -> None:
    head, ours, base = table_of({DEVICE: a_run(1.2), BASE: a_run(1.5, None)}).splitlines()
    assert f"to {BASE}" in head
    assert ours.split()[:6] == ["callbox", "device", "1.20", "0.80", "70", "5.0"]
    assert base.split()[:5] == ["aiortc", "1.50", "1.00", "70", "-"]


def test_what_is_ours_has_a_ratio_to_the_others() -> None:
    rows = {DEVICE: a_run(1.2), BASE: a_run(1.5), GSTREAMER: a_run(1.0)}
    figures = {
        figure.name: figure for figure in figures_of(CLIP_1080P, rows, {name: [] for name in rows})
    }
    assert figures[f"{CLIP_1080P.name}: CPU, {DEVICE} to {BASE}"].met
    assert figures[f"{CLIP_1080P.name}: CPU, {DEVICE} to GStreamer"].value == pytest.approx(1.2)
    del rows[GSTREAMER]
    names = [figure.name for figure in figures_of(CLIP_1080P, rows, {name: [] for name in rows})]
    assert not any("GStreamer" in name for name in names)


def test_an_age_by_the_strip_wraps_with_the_clip() -> None:
    capture = Capture(start=1000.0, period=8.0)
    assert capture.age(1000.25, 200, 0) == pytest.approx(0.05)
    assert capture.age(1016.02, 7990, 0) == pytest.approx(0.03)
    assert capture.age(1000.25, None, 0) is None


def test_an_age_by_the_senders_reports_wraps_with_the_timestamp() -> None:
    capture = Capture()
    assert capture.age(1000.0, 200, 0) is None
    capture.report = (1000.0, (1 << 32) - 90_000)
    assert capture.age(1001.5, None, 45_000) == pytest.approx(0.0)
    assert capture.age(1000.0, None, (1 << 32) - 180_000) == pytest.approx(1.0)


def test_names_of_clips_differ() -> None:
    assert [clip.name for clip in CLIPS] == [
        "720p30 2 Mbit/s",
        "1080p30 4 Mbit/s",
        "1080p30 8 Mbit/s",
    ]


def test_what_another_sender_lacks_is_said_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "system_python", lambda: "no-such-python")
    assert "no-such-python" in side_by_side.gstreamer_lacks()


def test_another_sender_lacks_nothing_where_its_check_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "gstreamer.py"
    program.touch()
    monkeypatch.setattr(gstreamer, "__file__", str(program))
    monkeypatch.setattr(side_by_side, "system_python", lambda: sys.executable)
    assert side_by_side.gstreamer_lacks() == ""


def test_gstreamers_program_says_what_is_missing() -> None:
    """Run by an interpreter that has none of it."""
    result = subprocess.run(
        [sys.executable, "-S", "-I", gstreamer.__file__, "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "gi" in result.stderr


async def test_quick_figures_of_every_sender(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run_sender(_scene: Scene, name: str, clip: Clip, seconds: float) -> Run:
        return a_run(1.5)

    monkeypatch.setattr(side_by_side, "run_sender", run_sender)
    monkeypatch.setattr(side_by_side, "gstreamer_lacks", lambda: "no module named gi")
    scene = Scene(Path(), cast("Mosquitto", None), cast("Watcher", None), quick=True)
    found = await side_by_side.measure_senders(scene)
    missing = {each.name: each.reason for each in found if isinstance(each, NotMeasured)}
    assert missing == {
        f"senders: {GSTREAMER}": "no module named gi",
        "senders: 720p30 2 Mbit/s": "--quick",
        "senders: 1080p30 8 Mbit/s": "--quick",
    }
    names = [each.name for each in found if isinstance(each, Figure)]
    assert [name for name in names if name.endswith(f"to {BASE}")] == [
        f"{CLIP_1080P.name}: CPU, {DEVICE} to {BASE}",
        f"{CLIP_1080P.name}: CPU, callbox transport to {BASE}",
    ]
    assert capsys.readouterr().out.count(CLIP_1080P.name) == 1


async def test_what_was_not_measured_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def measure(name: str, *, quick: bool, **amounts: float) -> list[Figure | NotMeasured]:
        return [
            Figure(f"time of {name}", 1.0, "s"),
            NotMeasured(f"{name} elsewhere", "not installed"),
        ]

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr(bench, "take_precedence", lambda: False)
    report = await bench.run(bench.DEFAULT, quick=True)
    assert [each["name"] for each in report["figures"]] == [
        f"time of {name}" for name in bench.DEFAULT
    ]
    assert report["not_measured"].keys() == {
        *(f"{name} elsewhere" for name in bench.DEFAULT),
        *bench.LONG,
    }
    assert "not measured: senders elsewhere: not installed" in capsys.readouterr().out
    assert (await bench.run(["soak"], quick=True))["not_measured"].keys() == {"soak elsewhere"}
