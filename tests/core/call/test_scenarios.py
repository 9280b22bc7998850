"""The scenarios of `tests/data/scenarios`, which every implementation of the rules must pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from agent.core.call.call_table import call_table, camel_case
from agent.core.call.inputs import Input
from tests.core.call.scenario_codec import INPUTS
from tests.core.call.scenarios import FOLDER, load, run, text_of

# a state, an input, and where that leads
Way = tuple[str, str, str]
FILES = sorted(FOLDER.glob("*.json"))
# what a step says beside what it comes to
GIVEN = {"at", "start", "input", "invitation", "decision", "conversation"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario_comes_to_what_it_says(path: Path) -> None:
    scenario = load(path)
    number = 0

    def check(step: dict[str, Any], outcome: dict[str, Any]) -> None:
        nonlocal number
        number += 1
        expected = {name: value for name, value in step.items() if name not in GIVEN}
        assert outcome == expected, f"step {number}: {step.get('input', 'start')}"

    run(scenario, check)
    assert number == len(scenario["steps"]) > 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario_is_written_as_all_are(path: Path) -> None:
    scenario = load(path)
    assert path.read_text("utf-8") == text_of(scenario)
    assert scenario["about"].endswith(".")
    assert scenario["role"] in ("incoming", "outgoing", "registry")


def test_scenarios_use_every_input() -> None:
    used = {
        step["input"]["type"] for path in FILES for step in load(path)["steps"] if "input" in step
    }
    assert used == {camel_case(kind.__name__) for kind in get_args(Input)} == set(INPUTS)


def test_scenarios_reach_every_way_of_the_tables() -> None:
    """Each input that a state takes, and each state that it leads to, in some scenario."""
    taken: dict[str, set[Way]] = {"incoming": set(), "outgoing": set()}
    for scenario in map(load, FILES):
        state = ""
        for step in scenario["steps"] if scenario["role"] != "registry" else ():
            if "input" in step and "refused" not in step:
                taken[scenario["role"]].add((state, step["input"]["type"], step["state"]))
            state = step["state"]
    for role, rows in call_table()["tables"].items():
        ways = {
            (state, name, to)
            for state, inputs in rows.items()
            for name, states in inputs.items()
            for to in states
        }
        missing = ways - taken.get(role, ways)
        assert not missing, f"{role}: {sorted(missing)}"
