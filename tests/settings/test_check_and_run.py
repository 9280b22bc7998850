"""`check` and `run` agree about each value of each setting: both take it, or both name the same
faults. What is not there now is told by `check`, and costs the running device a part at most.

The values come from the models (setting_values.py), so a new setting is tried without a line here.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.daemon import Daemon
from agent.doctor.configuration_check import judge
from agent.errors import ConfigurationError
from agent.settings import Settings, load_policy, load_settings
from agent.settings.sample import to_toml
from tests.free_ports import free_port
from tests.settings.setting_values import Trial, trials
from tests.signaling.mqtt.certificates import Authority

# a start of a device for each of some 2,400 values
pytestmark = pytest.mark.lengthy

Tree = dict[str, Any]

# of each list of tables, an entry that is fine
ENTRIES: dict[str, Tree] = {
    "policy.rule": {"name": "everybody", "action": "accept"},
    "button": {"name": "front"},
    "output": {"name": "door", "kind": "door"},
    "notify": {"url": "http://192.0.2.1/door"},
    "ring.list": {"name": "night", "hours": "22:00-07:00", "targets": ["bob"]},
    "ice.servers": {"urls": ["stun:192.0.2.1"]},
    "pull.consumer": {"name": "frigate", "token": "GzT8v1mC0yQbR5nW"},
}
ANY_TEXT = "no such thing"


@dataclass(frozen=True)
class Bench:
    """A device that starts at once and takes nothing of the machine."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "callbox.toml"

    def tree(self, trial: Trial) -> Tree:
        """The settings with that value, and with what makes its section count."""
        tree: Tree = {
            "uid": "door-1",
            "state_directory": str(self.folder / "state"),
            # refused at once
            "mqtt": {"port": 1},
            "video": {"source": "pattern"},
            "audio": {"capture": "none", "playback": "none"},
            "policy": {"rule": [ENTRIES["policy.rule"]]},
        }
        if trial.path[0] == "policy":
            del tree["policy"]
        section = tree
        for depth, name in enumerate(trial.path[:-1], 1):
            above = ".".join(trial.path[:depth])
            if above in ENTRIES:
                section[name] = [copy.deepcopy(ENTRIES[above])]
                section = section[name][0]
            else:
                section = section.setdefault(name, self.beside(above))
        section[trial.path[-1]] = trial.value
        return tree

    def beside(self, section: str) -> Tree:
        served = {
            "enabled": True,
            "port": free_port(),
            "cert_file": str(self.folder / "cert.pem"),
            "key_file": str(self.folder / "key.pem"),
        }
        sections: dict[str, Tree] = {
            "web": {**served, "password": "correct horse"},
            "pull": served,
            "mqtt.tls": {"enabled": True},
            "homeassistant": {"enabled": True},
        }
        return sections.get(section, {})


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    for name in ("XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("This is no certificate.\n")
    certificate, key = Authority(tmp_path).issue("door-1")
    Path(certificate).rename(tmp_path / "cert.pem")
    Path(key).rename(tmp_path / "key.pem")
    return Bench(tmp_path)


def started(config: Path) -> list[str]:
    """The faults for which `run` ends with 78; none where the device was on line and has ended in
    good order.
    """

    def load() -> tuple[Settings, Any]:
        settings = load_settings(config)
        return settings, load_policy(settings)

    async def run() -> None:
        stop = asyncio.Event()
        stop.set()
        await Daemon(load, stop=stop).run()

    try:
        asyncio.run(run())
    except ConfigurationError as error:
        return error.faults
    return []


@pytest.mark.parametrize("section", Settings.model_fields)
def test_check_and_run_agree_about_each_value(
    section: str, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    complaints: list[str] = []
    outcomes: set[bool] = set()
    takes_any_text: dict[tuple[str, ...], bool] = {}
    for trial in trials(bench.folder):
        if trial.path[0] != section or (trial.word and takes_any_text[trial.path]):
            continue
        if trial.value == "/var/lib/callbox":
            # the machine's own, which a start would make
            continue
        bench.config.write_text(to_document(bench.tree(trial)))
        caplog.clear()
        judged = judge(bench.config)
        if trial.value == ANY_TEXT:
            takes_any_text[trial.path] = not judged.faults
        try:
            met = started(bench.config)
        except Exception as error:  # noqa: BLE001 - a device would end with a traceback
            complaints.append(f"{trial}: run ends with {error!r}; check says {judged.faults}")
            continue
        outcomes.add(not met)
        errors = [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
        if met != judged.faults:
            complaints.append(f"{trial}:\n    check: {judged.faults}\n    run: {met}")
        elif errors and not judged.unusable:
            complaints.append(f"{trial}: run says {errors}, and check nothing")
    assert not complaints, "\n".join(complaints)
    assert outcomes == {True, False}, "values that are fine, and values that are not"


def to_document(tree: Tree) -> str:
    return "".join(f"{key} = {to_toml(value)}\n" for key, value in tree.items())
