"""The doctor asks the broker as the device would; `tests/faults/test_broken_set_ups.py` has what
may be wrong.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from agent.doctor.broker_check import check_broker
from agent.doctor.findings import Finding, Verdict
from agent.settings import Settings
from agent.signaling.mqtt.connection import MqttBroker
from tests.conftest import Mosquitto
from tests.faults.scripted_broker import DISCONNECT, Connection, Packet, ScriptedBroker
from tests.free_ports import free_port
from tests.parts import require_part
from tests.signaling.mqtt.servers import options, running
from tests.waiting import PATIENCE, until


def settings(port: int = 1, **mqtt: object) -> Settings:
    return Settings.model_validate({"uid": "door-1", "mqtt": {"port": port, **mqtt}})


async def findings(given: Settings, *, daemon_is_here: bool = False) -> list[Finding]:
    return [each async for each in check_broker(given, daemon_is_here=daemon_is_here)]


@pytest.mark.broker
async def test_broker_check_of_one_that_lets_us_in(mosquitto: Mosquitto) -> None:
    (found,) = await findings(settings(mosquitto.port))
    assert (found.verdict, "subscribed for door-1" in found.text) == (Verdict.OK, True)


async def test_broker_check_of_none() -> None:
    given = settings(free_port())
    found = [each async for each in check_broker(given, daemon_is_here=False, patience=2.0)]
    assert [each.verdict for each in found] == [Verdict.FAILED]
    assert "refused" in found[0].text
    assert "running" in found[0].advice


@pytest.mark.broker
async def test_broker_check_of_one_that_wants_a_password(tmp_path: Path) -> None:
    """A password alone is sent as the uid's."""
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    program = require_part("mosquitto_passwd")
    maker = await asyncio.create_subprocess_exec(program, "-b", passwords, "door-1", "right")
    assert await maker.wait() == 0
    with running(tmp_path, f"password_file {passwords}", allow_anonymous=False) as broker:
        (refused,) = await findings(settings(broker.port))
        (wrong,) = await findings(settings(broker.port, password="wrong"))
        (right,) = await findings(settings(broker.port, password="right"))
    assert [each.verdict for each in (refused, wrong, right)] == [
        Verdict.FAILED,
        Verdict.FAILED,
        Verdict.OK,
    ]
    assert "mqtt.password" in refused.advice


@pytest.mark.broker
@pytest.mark.parametrize("daemon_is_here", [False, True])
async def test_broker_check_somebody_of_that_uid_is_on_line_elsewhere(
    mosquitto: Mosquitto, daemon_is_here: bool
) -> None:
    async with MqttBroker(options(mosquitto.port, "other")) as other:
        await other.wait_connected(PATIENCE)
        said = json.dumps({"state": "online", "bootId": "boot-7"}).encode()
        await other.publish("callbox/v1/door-1/status", said, retain=True)
        found = await findings(settings(mosquitto.port), daemon_is_here=daemon_is_here)
    told = [each.text for each in found if each.verdict is Verdict.WARNING]
    assert len(told) == (0 if daemon_is_here else 1)
    assert daemon_is_here or "somebody is on line as door-1 (bootId boot-7)" in told[0]


async def test_broker_check_asks_for_what_the_device_asks_for_and_leaves_nothing_behind() -> None:
    said: list[Packet] = []

    async def script(connection: Connection) -> None:
        said.append(await connection.accept())
        await connection.subscribed()
        said.extend(await connection.hung_up())

    async with ScriptedBroker([script]) as broker:
        await findings(settings(broker.port, will_delay=7), daemon_is_here=True)
        await until(lambda: len(said) > 1)
    connect, *_, goodbye = said
    assert connect.will is not None
    topic, payload, about = connect.will
    assert topic.startswith("callbox/v1/door-1/reply/callbox-doctor-")
    assert (payload, getattr(about, "WillDelayInterval", None)) == (b"", 7)
    assert getattr(connect.properties, "SessionExpiryInterval", None) == 3600
    assert connect.client_id.startswith("callbox-doctor-"), "nobody is thrown out"
    assert goodbye.kind == DISCONNECT
    assert getattr(goodbye.properties, "SessionExpiryInterval", None) == 0
