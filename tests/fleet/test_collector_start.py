"""`callbox collect` with each value of each setting: it starts, or says in a line for each fault
what is wrong (and exits with 78), as `--check` does. What is not there now costs it a part at most.

The values come from the models (tests/settings/setting_values.py), so a new setting is tried
without a line here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.commands.collect import check_collector
from agent.errors import ConfigurationError
from agent.fleet.collector_service import collect_until, open_store
from agent.fleet.collector_settings import CollectorSettings, load_collector_settings
from agent.fleet.fleet_store import StoreUnavailable
from tests.free_ports import free_port
from tests.settings.setting_values import Trial, trials
from tests.settings.test_check_and_run import to_document
from tests.signaling.mqtt.certificates import Authority

# a start of a collector for each of some 530 values
pytestmark = pytest.mark.lengthy

Tree = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("CALLBOX_") or name in ("STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("This is no certificate.\n")
    certificate, key = Authority(tmp_path).issue("fleet")
    Path(certificate).rename(tmp_path / "cert.pem")
    Path(key).rename(tmp_path / "key.pem")
    return tmp_path


def tree_with(trial: Trial, folder: Path) -> Tree:
    """The settings with that value, and with what makes its section count."""
    tree: Tree = {
        "state_directory": str(folder / "state"),
        # refused at once
        "mqtt": {"port": 1},
        "web": {
            "port": free_port(),
            "cert_file": str(folder / "cert.pem"),
            "key_file": str(folder / "key.pem"),
            "password": "correct horse",
        },
    }
    section = tree
    for name in trial.path[:-1]:
        section = section.setdefault(name, {"enabled": True} if name == "tls" else {})
    value = trial.value
    if trial.path == ("store", "url") and isinstance(value, str):
        # refused at once, where the host for examples never answers
        value = value.replace("192.0.2.1", "127.0.0.1:1")
    section[trial.path[-1]] = value
    return tree


def started(config: Path) -> list[str]:
    """The faults for which `collect` ends with 78; none where it was at work and has ended in good
    order.
    """

    async def run(settings: CollectorSettings) -> None:
        stop = asyncio.Event()
        stop.set()
        await collect_until(settings, stop)

    try:
        settings = load_collector_settings(config, environ={})
        asyncio.run(run(settings))
    except ConfigurationError as error:
        return error.faults
    store = open_store(settings)
    try:
        with contextlib.suppress(StoreUnavailable):
            # which is told, and tried again
            store.open()
    finally:
        store.close()
    return []


def judged_by_check(config: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The faults that `--check` tells."""
    capsys.readouterr()
    code = check_collector(config)
    told = capsys.readouterr()
    faults = [each.removeprefix("callbox: ") for each in told.err.splitlines()]
    assert (code, told.out) == ((78, "") if faults else (0, "The settings are fine.\n"))
    return faults


@pytest.mark.parametrize("section", CollectorSettings.model_fields)
def test_each_value_starts_or_is_named(
    section: str,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    complaints: list[str] = []
    outcomes: set[bool] = set()
    takes_any_text: dict[tuple[str, ...], bool] = {}
    config = folder / "collector.toml"
    for trial in trials(folder, CollectorSettings):
        if trial.path[0] != section or (trial.word and takes_any_text[trial.path]):
            continue
        if trial.value == "/var/lib/callbox-collector":
            # the machine's own, which a start would make
            continue
        config.write_text(to_document(tree_with(trial, folder)))
        caplog.clear()
        try:
            faults = started(config)
        except Exception as error:  # noqa: BLE001 - a collector would end with a traceback
            complaints.append(f"{trial}: ends with {error!r}")
            continue
        if trial.value == "no such thing":
            takes_any_text[trial.path] = not faults
        outcomes.add(not faults)
        if (judged := judged_by_check(config, capsys)) != faults:
            complaints.append(f"{trial}:\n    check: {judged}\n    start: {faults}")
        if faults and not any(trial.path[-1] in fault for fault in faults):
            complaints.append(f"{trial}: it is not named in {faults}")
        complaints += [f"{trial}: {each!r}" for each in faults if "\n" in each or not each]
        told = [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
        complaints += [f"{trial}: {each!r}" for each in told if "\n" in each]
        complaints += [f"{trial}: {each.msg}" for each in caplog.records if each.exc_info]
    assert not complaints, "\n".join(complaints)
    assert outcomes == {True, False}, "values that are fine, and values that are not"


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_faults_go_to_standard_error_with_exit_78(check: tuple[str, ...], folder: Path) -> None:
    pytest.importorskip("psycopg")
    config = folder / "collector.toml"
    config.write_text('[store]\nurl = "no such thing"\n[web]\nenabled = false\n')
    ended = subprocess.run(
        [sys.executable, "-m", "agent", "collect", "--config", str(config), *check],
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 78
    assert ended.stderr.startswith(f"callbox: {config}: store.url: "), ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
