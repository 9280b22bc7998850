"""config/examples/compose.yaml: its form, and that what it mounts is what the examples run with.

The images themselves are not run: no test has a registry. The same mosquitto.conf and
turnserver.conf run in test_examples.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.parts import require_part

EXAMPLES = Path(__file__).parent.parent.parent / "config/examples"


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]
    return found


@pytest.mark.broker
def test_compose_takes_the_file(tmp_path: Path) -> None:
    """By the schema that comes with it."""
    compose = require_part("docker-compose", "docker-compose")
    shutil.copy(EXAMPLES / "compose.yaml", tmp_path)
    done = subprocess.run(
        [compose, "-f", "compose.yaml", "config"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == {"broker", "turn"}


def test_compose_mounts_files_that_exist(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for each in service["volumes"]:
            outside, inside, *_ = each.split(":")
            assert (EXAMPLES / outside).exists(), name
            assert inside.startswith("/")


def test_compose_images_have_a_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        _, _, version = service["image"].partition(":")
        assert version, name
        assert version != "latest", name


def test_compose_broker_finds_the_files_of_its_configuration(services: dict[str, Any]) -> None:
    """They are named without a folder, so they are looked for where it is started."""
    broker = services["broker"]
    assert broker["volumes"] == [f".:{broker['working_dir']}"]
    text = (EXAMPLES / "mosquitto.conf").read_text()
    named = re.findall(r"^(?:\w+_file|persistence_location) (.*)", text, re.MULTILINE)
    assert named == ["passwords", "callbox.acl", "./"]


def test_compose_turn_reads_what_is_mounted(services: dict[str, Any]) -> None:
    turn = services["turn"]
    (mounted,) = turn["volumes"]
    assert mounted.split(":")[1] in turn["command"]
