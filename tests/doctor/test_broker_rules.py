"""Whether the broker's rules hold, on a real broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.commands.acl import Around, BrokerKind
from agent.commands.acl_formats import rules
from agent.doctor.broker_rules import check_broker_rules
from agent.doctor.findings import Finding, Verdict
from agent.settings import Settings
from tests.conftest import Mosquitto
from tests.faults.scripted_broker import PUBLISH, SUBSCRIBE, Connection, ScriptedBroker

RULES = rules(BrokerKind.MOSQUITTO, Around("door-1", "door-1"))


async def findings(
    tmp_path: Path, acl: str | None, username: str = "door-1", *, home: bool = False
) -> list[Finding]:
    lines: tuple[str, ...] = ()
    if acl is not None:
        file = tmp_path / "callbox.acl"
        file.write_text(acl)
        lines = (f"acl_file {file}",)
    broker = Mosquitto(tmp_path, lines=lines)
    broker.start()
    try:
        mqtt = {"port": broker.port, "username": username, "password": "x"}
        settings = Settings.model_validate(
            {"uid": "door-1", "mqtt": mqtt, "homeassistant": {"enabled": home}}
        )
        return [each async for each in check_broker_rules(settings, daemon_is_here=not home)]
    finally:
        broker.stop()


@pytest.mark.broker
async def test_broker_with_our_rules_is_found_good(tmp_path: Path) -> None:
    (found,) = await findings(tmp_path, RULES)
    assert found.verdict is Verdict.OK


@pytest.mark.broker
async def test_broker_that_keeps_the_device_from_home_assistant_is_found_out(
    tmp_path: Path,
) -> None:
    (found,) = await findings(tmp_path, RULES, home=True)
    assert found.verdict is Verdict.OK
    config = "homeassistant/device/door-1/config"
    (found,) = await findings(tmp_path, RULES.replace(f"topic write {config}\n", ""), home=True)
    assert found.verdict is Verdict.FAILED
    assert f"may not announce itself to Home Assistant: {config} is refused" in found.text


@pytest.mark.broker
async def test_broker_without_rules_lets_everybody_be_anybody(tmp_path: Path) -> None:
    found = await findings(tmp_path, None)
    assert {each.verdict for each in found} == {Verdict.WARNING}
    text = " ".join(each.text for each in found)
    for what in ("in another's name", "commands to itself", "another device", "said to others"):
        assert what in text


@pytest.mark.broker
async def test_broker_with_two_lines_of_rules_keeps_the_device_from_answering(
    tmp_path: Path,
) -> None:
    two = "pattern write callbox/v1/+/signal/%u\npattern read callbox/v1/%u/signal/+\n"
    answers, events = await findings(tmp_path, two)
    for found, what in ((answers, "may not answer commands"), (events, "may not tell events")):
        assert (found.verdict, what in found.text) == (Verdict.FAILED, True)
        assert "callbox acl" in found.advice


@pytest.mark.broker
async def test_broker_that_says_nothing_of_a_rule_that_is_missing_is_found_out(
    tmp_path: Path,
) -> None:
    """mosquitto consents to every subscription, and delivers what the rules allow."""
    deaf = RULES.replace("pattern read callbox/v1/%u/signal/+\n", "")
    deaf = deaf.replace("topic read callbox/v1/door-1/signal/+\n", "")
    assert deaf != RULES
    (found,) = await findings(tmp_path, deaf)
    assert found.verdict is Verdict.FAILED
    assert "read what is said to it: callbox/v1/door-1/signal/+ is granted" in found.text


async def test_broker_that_refuses_a_subscription_is_told_with_its_filter() -> None:
    refused = "callbox/v1/door-1/command/+"

    async def script(connection: Connection) -> None:
        await connection.accept()
        while True:
            packet = await connection.read_any()
            if packet.kind == SUBSCRIBE:
                reasons = [0x87 if name == refused else 1 for name, _ in packet.filters]
                connection.suback(packet, *reasons)
            elif packet.kind == PUBLISH:
                ours = packet.topic.startswith("callbox/v1/door-1/") or "/door-1" in packet.topic
                allowed = ours and "/command/" not in packet.topic
                connection.puback(packet, 0 if allowed else 0x87)

    async with ScriptedBroker([script]) as broker:
        mqtt = {"port": broker.port, "username": "door-1", "password": "x"}
        settings = Settings.model_validate({"uid": "door-1", "mqtt": mqtt})
        found = [each async for each in check_broker_rules(settings)]
    texts = [each.text for each in found if each.verdict is Verdict.FAILED]
    assert texts == [
        f"the device may not read its commands: a subscription to {refused} is refused"
    ]


async def test_device_without_a_login_is_told_that_nobody_can_be_known() -> None:
    (found,) = [each async for each in check_broker_rules(Settings(uid="door-1"))]
    assert (found.verdict, "mqtt.username" in found.text) == (Verdict.WARNING, True)
