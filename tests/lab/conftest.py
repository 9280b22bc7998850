"""Tests marked `lab` run inside the lab: those of one file in one lab, started for the first.

Inside they are ordinary tests, and the fixtures are set up there. Outside, this file hands their
outcomes on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from tests.lab.gpio_chip import GpioChip
from tests.lab.kernel import REMEDY, find_kernel
from tests.lab.machine import Lab, LabError
from tests.lab.usb_card import NoUsbSoundError, UsbCard
from tests.parts import missing

ROOT = Path(__file__).parent.parent.parent
INSIDE = "CALLBOX_INSIDE_LAB"
TIMEOUT = 1500.0
"""Seconds of the host's clock for the tests of one file."""
_REPORT = "report.xml"
_KERNEL = pytest.StashKey[Path | None]()
_OUTCOMES = pytest.StashKey[dict[Path, dict[str, "Outcome"]]]()


class Outcome(NamedTuple):
    outcome: str
    seconds: float
    words: str


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Outside, a test of the lab is not run: its outcome is told."""
    if os.environ.get(INSIDE) or not belongs_inside(item):
        return None
    hook = item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    hook.pytest_runtest_logreport(report=report_of(item, outcome_of(item)))
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    # what the test before this one had in common with it, and the next one has not
    item.session._setupstate.teardown_exact(nextitem)
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if belongs_inside(item) and not os.environ.get(INSIDE):
            # the lab has a deadline of its own
            item.add_marker(pytest.mark.timeout(2 * TIMEOUT))


def belongs_inside(item: pytest.Item) -> bool:
    """Of those that start a lab themselves, `lab(outside=True)`, none does."""
    marker = item.get_closest_marker("lab")
    return marker is not None and not marker.kwargs.get("outside")


def report_of(item: pytest.Item, outcome: Outcome) -> pytest.TestReport:
    words: object = outcome.words or None
    if outcome.outcome == "skipped":
        path, line, _ = item.location
        words = (path, line or 0, f"Skipped: {outcome.words}")
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords=dict.fromkeys(item.keywords, 1),
        outcome=outcome.outcome,  # type: ignore[arg-type]
        longrepr=words,  # type: ignore[arg-type]
        when="call",
        duration=outcome.seconds,
    )


def outcome_of(item: pytest.Item) -> Outcome:
    """Of this test, by the run of its file."""
    stash = item.config.stash
    if _KERNEL not in stash:
        stash[_KERNEL] = find_kernel()
        stash[_OUTCOMES] = {}
    kernel, outcomes = stash[_KERNEL], stash[_OUTCOMES]
    in_ci = os.environ.get("CI") == "true"
    if kernel is None:
        return Outcome("failed" if in_ci else "skipped", 0.0, f"no kernel for the lab: {REMEDY}")
    if item.path not in outcomes:
        chosen = [each for each in item.session.items if each.path == item.path]
        outcomes[item.path] = run_inside(kernel, chosen)
    outcome = outcomes[item.path].get(item.nodeid)
    if outcome is None:
        return Outcome("failed", 0.0, outcomes[item.path][""].words)
    return outcome._replace(outcome="failed") if in_ci and outcome.outcome == "skipped" else outcome


def run_inside(kernel: Path, items: list[pytest.Item]) -> dict[str, Outcome]:
    """The outcomes by node; under "" what there is to say of a test that has none."""
    chosen = [each.nodeid for each in items if belongs_inside(each)]
    command = [
        *(sys.executable, "-m", "pytest", f"--junit-xml=/run/lab/{_REPORT}"),
        # by the lab's clock an hour is nothing, and its files are gone with it
        *("--timeout=0", "-p", "no:cacheprovider", "--basetemp=/run/pytest"),
        *chosen,
    ]
    try:
        with Lab(
            kernel, command, working_folder=ROOT, environment={INSIDE: "1"}, timeout=TIMEOUT
        ) as lab:
            status = lab.wait()
            text = f"pytest in the lab ended with {status}:\n{lab.output}\n{lab.console()}"
            report = lab.folder / _REPORT
            found = read_report(report, chosen) if report.exists() else {}
    except LabError as error:
        return {"": Outcome("failed", 0.0, str(error))}
    return {**found, "": Outcome("failed", 0.0, text)}


def read_report(report: Path, chosen: list[str]) -> dict[str, Outcome]:
    by_name = {each.partition("::")[2]: each for each in chosen}
    found = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        node = by_name.get(case.get("name", ""))
        if node is None:
            continue
        outcome, words = "passed", ""
        for kind, meaning in (("skipped", "skipped"), ("failure", "failed"), ("error", "failed")):
            for each in case.iter(kind):
                outcome = meaning
                words += (each.get("message") or "") if kind == "skipped" else (each.text or "")
        found[node] = Outcome(outcome, float(case.get("time", 0)), words)
    return found


@pytest.fixture(scope="session")
def lab_kernel() -> Path:
    """For tests that start a lab themselves."""
    kernel = find_kernel()
    if kernel is None:
        missing(f"no kernel for the lab: {REMEDY}")
    assert kernel is not None
    return kernel


@pytest.fixture
def gpio_chip() -> Iterator[GpioChip]:
    """A chip of the board with 28 lines; inside the lab only."""
    with GpioChip() as chip:
        yield chip


@pytest.fixture
def usb_card() -> Iterator[UsbCard]:
    """A USB sound card that is plugged in; inside the lab only."""
    try:
        card = UsbCard()
    except NoUsbSoundError as error:
        pytest.skip(str(error))
    with card:
        yield card
