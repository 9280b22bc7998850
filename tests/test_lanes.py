"""The lanes of `make test`: every test belongs to exactly one of them, and all are counted."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.conftest import pytest_itemcollected
from tests.lanes import (
    LANES,
    REAL_PARTS,
    Step,
    command,
    counts,
    failures,
    files_of,
    run_lane,
    run_step,
    takes,
)


@pytest.mark.parametrize("marker", [*REAL_PARTS, None])
@pytest.mark.parametrize("second", [*REAL_PARTS, None])
def test_lanes_take_each_test_once(marker: str | None, second: str | None) -> None:
    markers = {each for each in (marker, second) if each is not None}
    steps = [step for lane in LANES for step in lane if takes(step, markers)]
    assert len(steps) == 1


def test_lanes_leave_no_lengthy_case_out() -> None:
    steps = [step for lane in LANES for step in lane if takes(step, {"lengthy"})]
    assert [step.name for step in steps] == ["fast"]
    assert not any("hypothesis-profile" in each for step in steps for each in step.arguments)


def test_makefile_fast_tests_are_neither_lengthy_nor_on_real_parts() -> None:
    makefile = (Path(__file__).parent.parent / "Makefile").read_text()
    (fast,) = re.findall(r"^FAST := (.*)$", makefile, re.MULTILINE)
    left_out = {each.removeprefix("not ") for each in fast.split(" and ")}
    assert left_out == {*REAL_PARTS, "lengthy", "further_case"}


def test_command_leaves_further_cases_out() -> None:
    step = Step("some", "broker")
    assert "(broker) and not further_case" in command(step, every=False, arguments=())
    assert "broker" in command(step, every=True, arguments=())


def test_files_of_a_step_are_those_with_a_marker_that_it_takes() -> None:
    assert "tests/lab/test_keypad.py" in files_of(Step("some", "lab and not systemd"))
    assert "tests/lab/test_keypad.py" not in files_of(Step("some", "homeassistant"))
    # its conftest marks all that is below
    assert files_of(Step("some", "camera")) == ["tests/camera"]
    # all of them: most tests have none
    assert files_of(Step("some", "not lab")) == []


def test_command_names_the_files_unless_some_are_named() -> None:
    step = Step("some", "lab")
    assert "tests/lab/test_keypad.py" in command(step, every=False, arguments=())
    assert "tests/lab/test_keypad.py" in command(step, every=False, arguments=("-k", "keypad"))
    here = str(Path(__file__))
    assert command(step, every=False, arguments=(here,))[-1] == here


def test_markers_that_a_file_does_not_say_are_refused(request: pytest.FixtureRequest) -> None:
    pytest_itemcollected(request.node)
    request.node.add_marker("lab")
    with pytest.raises(pytest.UsageError, match="write pytest"):
        pytest_itemcollected(request.node)


def test_counts_adds_all_suites_of_a_report(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="7" failures="1" errors="1" skipped="2"/></testsuites>'
    )
    assert counts(report) == {"passed": 3, "failed": 2, "skipped": 2}
    assert not counts(tmp_path / "none.xml")


def test_failures_name_each_failed_test_and_what_it_said_last(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="tests.test_door" name="test_good"/>'
        '<testcase classname="tests.test_door" name="test_bad">'
        '<failure message="assert 1 == 2&#10;more">first\nthe end</failure></testcase>'
        '<testcase classname="tests.test_door" name="test_broken"><error message="no"/></testcase>'
        "</testsuite></testsuites>"
    )
    assert failures(report) == [
        "tests.test_door::test_bad\n    assert 1 == 2\n    more\n    first\n    the end",
        "tests.test_door::test_broken\n    no",
    ]
    assert failures(tmp_path / "none.xml") == []


async def test_run_step_hides_the_closing_line_of_one_lane(
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = "print('==== 3 passed in 0.1s ===='); raise SystemExit(3)"
    assert await run_step(Step("some", ""), [sys.executable, "-c", script]) == 3
    assert "[some] (3 passed in 0.1s)" in capsys.readouterr().out


async def test_run_step_ends_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.lanes.LONGEST", 0.2)
    endless = [sys.executable, "-c", "import signal; print('there', flush=True); signal.pause()"]
    assert await run_step(Step("some", ""), endless) != 0


@pytest.mark.parametrize(("ci", "codes"), [("true", [7, 0]), ("", [0])])
async def test_run_lane_prepares_a_step_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, codes: list[int]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(
        "tests.lanes.command", lambda step, *, every, arguments: [sys.executable, "-c", ""]
    )
    step = Step("some", "", prepare=(sys.executable, "-c", "raise SystemExit(7)"))
    assert await run_lane([step], every=False, arguments=()) == codes
