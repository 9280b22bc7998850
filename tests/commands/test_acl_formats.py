"""Rules in the words of each broker; mosquitto's and RabbitMQ's on the real ones."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from agent.commands.acl import Around, BrokerKind
from agent.commands.acl_formats import rules
from agent.errors import ConfigurationError
from tests.commands.acl_trial import ADMIN, PASSWORD, Trial
from tests.commands.rabbitmq import RabbitMq
from tests.conftest import Mosquitto

AROUND = Around("door-1", "door-1")
P = "callbox/v1"
WRITES = [
    ("door-1", f"{P}/door-1/status", True),
    ("door-1", f"{P}/door-1/events/closed", True),
    ("door-1", f"{P}/door-1/reply/a/b", True),
    ("door-1", f"{P}/front-desk/signal/door-1", True),
    ("door-1", f"{P}/front-desk/signal/alice", False),
    ("door-1", f"{P}/door-1/command/snapshot", False),
    ("door-1", f"{P}/door-2/status", False),
    ("front-desk", f"{P}/door-1/signal/front-desk", True),
    ("front-desk", f"{P}/door-1/signal/alice", False),
    ("front-desk", f"{P}/door-1/command/policy", False),
    ("front-desk", f"{P}/door-1/status", False),
    ("household", f"{P}/door-1/command/snapshot", True),
    ("household", f"{P}/door-1/status", False),
    ("door-1", "homeassistant/device/door-1/config", True),
    ("door-1", "homeassistant/device/door-2/config", False),
    ("door-1", "homeassistant/lock/door-1/config", False),
    ("household", "homeassistant/device/door-1/config", False),
    ("homeassistant", f"{P}/door-1/command/call", True),
    ("homeassistant", "homeassistant/status", True),
    ("collector", f"{P}/door-1/command/close", False),
]
READS = [
    ("door-1", f"{P}/door-1/signal/+", f"{P}/door-1/signal/admin", True),
    ("door-1", f"{P}/door-1/command/+", f"{P}/door-1/command/close", True),
    ("door-1", f"{P}/door-2/signal/+", f"{P}/door-2/signal/admin", False),
    ("door-1", "homeassistant/status", "homeassistant/status", True),
    ("front-desk", f"{P}/+/status", f"{P}/door-1/status", True),
    ("front-desk", f"{P}/door-1/signal/+", f"{P}/door-1/signal/admin", False),
    ("front-desk", f"{P}/door-1/snapshot", f"{P}/door-1/snapshot", False),
    ("front-desk", "#", f"{P}/door-1/snapshot", False),
    ("household", f"{P}/door-1/snapshot", f"{P}/door-1/snapshot", True),
    ("household", f"{P}/door-1/reply/#", f"{P}/door-1/reply/a/b", True),
    ("household", f"{P}/door-1/signal/+", f"{P}/door-1/signal/admin", False),
    ("collector", f"{P}/+/events/closed", f"{P}/door-1/events/closed", True),
    ("collector", f"{P}/+/events/called", f"{P}/door-1/events/called", False),
    ("collector", f"{P}/+/snapshot", f"{P}/door-1/snapshot", False),
]
NAMES = ("door-1", "front-desk", "household", "homeassistant", "collector")


def differences(port: int) -> list[str]:
    """What the broker at `port` decides otherwise."""
    trial = Trial(port)
    return [
        f"{name} writes {topic}: not {right}"
        for name, topic, right in WRITES
        if trial.may_write(name, topic) is not right
    ] + [
        f"{name} reads {chosen}: not {right}"
        for name, chosen, topic, right in READS
        if trial.may_read(name, chosen, topic) is not right
    ]


@pytest.mark.broker
def test_acl_of_mosquitto_grants_each_role_its_own(tmp_path: Path) -> None:
    file = tmp_path / "callbox.acl"
    file.write_text(rules(BrokerKind.MOSQUITTO, AROUND) + f"\nuser {ADMIN}\ntopic readwrite #\n")
    broker = Mosquitto(tmp_path, lines=(f"acl_file {file}",))
    broker.start()
    try:
        assert differences(broker.port) == []
    finally:
        broker.stop()


@pytest.mark.broker
@pytest.mark.timeout(900)
def test_acl_of_rabbitmq_grants_each_role_its_own(tmp_path: Path) -> None:
    script = tmp_path / "callbox-acl.sh"
    script.write_text(rules(BrokerKind.RABBITMQ, AROUND))
    users = dict.fromkeys((*NAMES, ADMIN), PASSWORD)
    with RabbitMq(tmp_path, users) as broker:
        subprocess.run(["sh", script, "front-desk"], env=broker.environ, check=True, timeout=600)
        broker.control("set_permissions", ADMIN, ".*", ".*", ".*")
        assert differences(broker.port) == []


def test_acl_of_emqx_ends_with_a_denial_of_the_rest() -> None:
    lines = [line for line in rules(BrokerKind.EMQX, AROUND).splitlines() if line[0] != "%"]
    assert lines[-1] == "{deny, all}."
    assert f'{{allow, all, publish, ["{P}/+/signal/${{username}}"]}}.' in lines


def test_acl_of_nanomq_ends_with_a_denial_of_the_rest() -> None:
    text = rules(BrokerKind.NANOMQ, AROUND)
    listed = [json.loads(line) for line in text.splitlines() if line.startswith("  {")]
    assert listed[-1] == {"permit": "deny"}
    assert {rule["username"] for rule in listed[:-1]} == {"#", *NAMES} - {"front-desk"}


def test_acl_of_hivemq_is_xml_with_a_role_for_each() -> None:
    root = ET.fromstring(rules(BrokerKind.HIVEMQ, AROUND))
    assert {each.text for each in root.iterfind("roles/role/id")} == {"caller", *NAMES} - {
        "front-desk"
    }
    assert f"{P}/${{{{username}}}}/signal/+" in {each.text for each in root.iter("topic")}


@pytest.mark.parametrize("name", ["a\nuser b", 'a"', "", "a b"])
def test_acl_for_a_name_that_would_break_the_file_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        rules(BrokerKind.MOSQUITTO, Around("door-1", name))
