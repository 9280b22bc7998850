"""The document of the tables is complete, and the committed one has not drifted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from agent.core.call.__main__ import files, write
from agent.core.call.call_table import call_table, camel_case
from agent.core.call.inputs import Input
from agent.core.call.machine import State

ROOT = Path(__file__).parent.parent.parent.parent
TABLE = call_table()


@pytest.mark.parametrize("path", files())
def test_generated_file_has_not_drifted(path: str) -> None:
    assert (ROOT / path).read_text("utf-8") == files()[path], "run: make generate"


def test_write_makes_the_files_of_the_folders_that_are_named(tmp_path: Path) -> None:
    write(tmp_path, ["config"])
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}
    assert written == {path for path in files() if path.startswith("config/")}


def test_call_table_survives_json() -> None:
    assert json.loads(json.dumps(TABLE)) == TABLE


@pytest.mark.parametrize("role", ["incoming", "outgoing"])
def test_call_table_leads_only_to_states_that_the_role_has(role: str) -> None:
    rows = TABLE["tables"][role]
    assert set(rows) <= {state.value for state in State}
    leads_to = {to for inputs in rows.values() for states in inputs.values() for to in states}
    assert leads_to <= set(rows)
    assert rows["closed"] == {}


def test_call_table_names_every_input_and_uses_each() -> None:
    names = {camel_case(kind.__name__) for kind in get_args(Input)}
    assert set(TABLE["inputs"]) == names
    tables = TABLE["tables"].values()
    assert {name for rows in tables for inputs in rows.values() for name in inputs} == names


def test_call_table_has_every_shared_row_in_both_roles() -> None:
    for state, inputs in TABLE["tables"]["shared"].items():
        for role in ("incoming", "outgoing"):
            assert inputs.items() <= TABLE["tables"][role][state].items()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PeerConnected", "peerConnected"),
        ("sdp_mline_index", "sdpMlineIndex"),
        ("sdp_mid", "sdpMid"),
        ("now", "now"),
    ],
)
def test_camel_case(name: str, expected: str) -> None:
    assert camel_case(name) == expected
