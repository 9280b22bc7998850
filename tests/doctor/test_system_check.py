from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.doctor import system_check
from agent.doctor.findings import Verdict


def test_it_names_what_a_bug_report_needs() -> None:
    names = system_check.system()
    assert {
        "board",
        "kernel",
        "python",
        "callbox",
        "aiortc",
        "av",
        "picamera2",
        "libcamera",
    } <= names.keys()
    assert all(names.values())


def test_a_clock_that_was_never_set_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    finding = system_check.check_clock()
    assert finding.verdict is Verdict.FAILED
    assert "set-ntp" in finding.advice


def test_the_clock_of_this_machine_can_be_judged() -> None:
    assert system_check.check_clock().verdict in (Verdict.OK, Verdict.WARNING)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("0", []),
        ("50005", ["under-voltage", "throttled"]),
        ("50000", ["under-voltage before", "throttled before"]),
        ("80008", ["too hot"]),
    ],
)
def test_the_firmwares_word_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, said: list[str]
) -> None:
    file = tmp_path / "get_throttled"
    file.write_text(word + "\n")
    monkeypatch.setattr(system_check, "_THROTTLED", file)
    assert system_check.throttled() == said


def test_heat_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "temp"
    monkeypatch.setattr(system_check, "_THERMAL", file)
    monkeypatch.setattr(system_check, "throttled", list)
    for millidegrees, verdict in ((45_000, Verdict.OK), (82_000, Verdict.WARNING)):
        file.write_text(f"{millidegrees}\n")
        assert system_check.check_temperature().verdict is verdict
    monkeypatch.setattr(system_check, "throttled", lambda: ["under-voltage"])
    assert "under-voltage" in system_check.check_temperature().text


def test_a_board_without_a_thermometer_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_check, "_THERMAL", tmp_path / "none")
    monkeypatch.setattr(system_check, "throttled", lambda: None)
    assert system_check.check_temperature().verdict is Verdict.SKIPPED
