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

RULES = rules(BrokerKind.MOSQUITTO, Around("door-1", "door-1"))


async def findings(tmp_path: Path, acl: str | None, username: str = "door-1") -> list[Finding]:
    lines: tuple[str, ...] = ()
    if acl is not None:
        file = tmp_path / "callbox.acl"
        file.write_text(acl)
        lines = (f"acl_file {file}",)
    broker = Mosquitto(tmp_path, lines=lines)
    broker.start()
    try:
        mqtt = {"port": broker.port, "username": username, "password": "x"}
        settings = Settings.model_validate({"uid": "door-1", "mqtt": mqtt})
        return [each async for each in check_broker_rules(settings)]
    finally:
        broker.stop()


@pytest.mark.broker
async def test_broker_with_our_rules_is_found_good(tmp_path: Path) -> None:
    (found,) = await findings(tmp_path, RULES)
    assert found.verdict is Verdict.OK


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
    (found,) = await findings(tmp_path, two)
    assert (found.verdict, "may not answer commands" in found.text) == (Verdict.FAILED, True)
    assert "callbox acl" in found.advice


async def test_device_without_a_login_is_told_that_nobody_can_be_known() -> None:
    (found,) = [each async for each in check_broker_rules(Settings(uid="door-1"))]
    assert (found.verdict, "mqtt.username" in found.text) == (Verdict.WARNING, True)
