"""`callbox fleet` as people and programs use it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent.cli import make_app
from agent.core.timestamps import format_time
from agent.fleet.sql_store import SqlStore
from agent.fleet.sqlite_database import FILE_NAME, SqliteDatabase
from tests.fleet.samples import closed, collected
from tests.waiting import START_TIMEOUT


@pytest.fixture
def config(tmp_path: Path) -> Path:
    store = SqlStore(SqliteDatabase(tmp_path / FILE_NAME))
    # not when the tests were collected, which may be long ago
    at = round(time.time() * 1000)
    now, old = (format_time(at / 1000 - ago) for ago in (60, 3 * 86_400))
    store.write(
        [
            collected("door-1", "status", {"state": "online", "version": "1.0"}, at=at),
            collected("door-1", "health", {"undervoltage": True, "faults": ["\x1b[2J"]}, at=at),
            collected("door-1", "events/closed", closed(timestamp=now), at=at),
            collected("door-1", "events/closed", closed(timestamp=old, remoteUid="bob"), at=at),
        ]
    )
    store.close()
    file = tmp_path / "collector.toml"
    file.write_text(f'state_directory = "{tmp_path}"\n')
    return file


def fleet(config: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(make_app("fleet"), ["fleet", *arguments, "--config", str(config)])
    assert done.exit_code == code, done.output
    return done.output


def objects(config: Path, *arguments: str) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads(fleet(config, *arguments, "--json"))
    return answer


def test_fleet_call_tells_one_call_in_order(config: Path) -> None:
    conversation = objects(config, "calls")[0]["conversation"]
    lines = fleet(config, "call", conversation).splitlines()
    assert [line.split()[2] for line in lines[1:]] == ["connected", "closed"]
    assert objects(config, "call", conversation)[0]["records"][0]["remoteUid"] == "alice"
    fleet(config, "call", "nobody", code=6)


def test_fleet_tables_are_for_people(config: Path) -> None:
    assert fleet(config, "devices").splitlines()[1].split()[:2] == ["door-1", "online"]
    assert "supply is too weak" in fleet(config, "worst")
    assert "1.0" in fleet(config, "versions")
    assert "user_hangup" in fleet(config, "reasons")
    told = fleet(config, "device", "door-1")
    assert all(word in told for word in ("undervoltage", "supply is too weak", "alice"))


def test_fleet_json_is_an_array_of_objects(config: Path) -> None:
    assert objects(config, "devices")[0]["device"] == "door-1"
    assert objects(config, "calls")[0]["remoteUid"] == "alice"
    assert len(objects(config, "device", "door-1")[0]["calls"]) == 1


@pytest.mark.parametrize(("since", "number"), [("24h", 1), ("30d", 2), ("2020-01-01", 2)])
def test_fleet_calls_since(config: Path, since: str, number: int) -> None:
    assert len(objects(config, "calls", "--since", since)) == number


def test_fleet_calls_limit(config: Path) -> None:
    assert len(objects(config, "calls", "--since", "30d", "--limit", "1")) == 1


@pytest.mark.parametrize("since", ["", "x", "-1h", "2026-13-01", "99999d"])
def test_fleet_of_an_odd_time_is_told_in_a_line(config: Path, since: str) -> None:
    output = fleet(config, "calls", "--since", since, code=2)
    assert "--since" in output
    assert "Traceback" not in output


def test_fleet_device_that_nobody_knows_is_6(config: Path) -> None:
    assert "nobody has heard of 'door-9'" in fleet(config, "device", "door-9", code=6)


def test_fleet_export_is_csv_of_every_record(config: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(fleet(config, "export", "--since", "30d"))))
    assert [row["remoteUid"] for row in rows] == ["bob", "alice"]
    file = tmp_path / "calls.csv"
    assert fleet(config, "export", "--output", str(file)) == ""
    assert len(list(csv.DictReader(io.StringIO(file.read_text())))) == 1


def test_fleet_export_into_a_folder_that_is_not_there_is_told(config: Path, tmp_path: Path) -> None:
    output = fleet(config, "export", "--output", str(tmp_path / "no" / "calls.csv"), code=6)
    assert "calls.csv" in output


def test_fleet_forget_asks_first(config: Path) -> None:
    done = CliRunner().invoke(
        make_app("fleet"), ["fleet", "forget", "bob", "-c", str(config)], input="n\n"
    )
    assert done.exit_code == 1
    assert len(objects(config, "calls", "--since", "30d")) == 2
    assert "1 event removed" in fleet(config, "forget", "bob", "--yes")
    assert len(objects(config, "calls", "--since", "30d")) == 1


def test_fleet_without_a_store_says_why(tmp_path: Path) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(f'state_directory = "{tmp_path}"\n')
    assert "no collector has written there yet" in fleet(file, "devices", code=6)


def test_fleet_of_a_bad_file_is_78(tmp_path: Path) -> None:
    file = tmp_path / "collector.toml"
    file.write_text("retention = 0\n")
    assert "retention" in fleet(file, "devices", code=78)


def test_fleet_export_as_parquet_wants_a_file(config: Path, tmp_path: Path) -> None:
    assert "--output" in fleet(config, "export", "--format", "parquet", code=2)
    file = tmp_path / "calls.parquet"
    fleet(config, "export", "--since", "30d", "--format", "parquet", "-o", str(file))
    assert file.read_bytes()[:4] == b"PAR1"


def test_fleet_whose_reader_has_seen_enough_says_so_in_a_line(config: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "fleet", "export", "--since", "30d", "-c", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as errors:
        assert errors.read().decode().splitlines() == ["callbox: standard output: Broken pipe"]
    assert process.wait(START_TIMEOUT) != 0
