"""Two devices of one uid are told within a minute, on each broker: where it says whom it throws
out, and where it says nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.device.device_state import DeviceState
from agent.device.presence import make_echo
from agent.device.retained import Retained
from agent.device.status_echo import StatusEcho
from agent.device.status_publisher import offline
from agent.settings import Settings
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.protocol.topics import Topics
from tests.conftest import Mosquitto
from tests.e2e.device import Program, configuration
from tests.faults.brokers import Iotcore
from tests.faults.trixie_brokers import TrixieMosquitto, TrixieRabbitMq
from tests.parts import find_part
from tests.waiting import until

pytestmark = pytest.mark.broker

# seconds
PROMISED = 60.0
LONGEST = 120.0
SHORT_PAUSES = {"retry_first": 0.2, "retry_longest": 0.4, "retry_refused": 0.2}
LOGIN = 'username = "door-1"\npassword = "secret"\n'


@contextmanager
def simple(kind: type[Mosquitto], folder: Path) -> Iterator[int]:
    broker = kind(folder)
    broker.start()
    try:
        yield broker.port
    finally:
        broker.stop()


@contextmanager
def rabbitmq(folder: Path) -> Iterator[int]:
    with TrixieRabbitMq(folder, {"door-1": "secret"}) as broker:
        broker.control("set_permissions", "door-1", ".*", ".*", ".*")
        yield broker.port


BROKERS: dict[str, Callable[[Path], object]] = {
    "mosquitto": lambda folder: simple(Mosquitto, folder),
    "mosquitto of trixie": lambda folder: simple(TrixieMosquitto, folder),
    "RabbitMQ of trixie": rabbitmq,
    "iotcore": lambda folder: simple(Iotcore, folder),
}


async def faults(folder: Path) -> str:
    """What `callbox doctor` would be told by the daemon whose socket lies in `folder`."""
    status = await Program.start(
        folder / "status.log", "status", "--json", env={"XDG_RUNTIME_DIR": str(folder)}
    )
    code, output = await status.finish()
    return json.dumps(json.loads(output)["faults"]) if code == 0 else ""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(each, marks=() if each == "mosquitto" else pytest.mark.further_case)
        for each in BROKERS
    ],
)
@pytest.mark.timeout(420)
async def test_two_of_one_uid_are_told_on(name: str, tmp_path: Path) -> None:
    assert find_part("mosquitto") or name != "mosquitto"
    folders = [tmp_path / each for each in ("broker", "one", "two")]
    for each in folders:
        each.mkdir()
    with BROKERS[name](folders[0]) as port:  # type: ignore[attr-defined]
        programs, began = [], time.monotonic()
        try:
            for folder in folders[1:]:
                config = configuration(folder, port)
                config.write_text(config.read_text().replace("[mqtt]\n", f"[mqtt]\n{LOGIN}"))
                env = {"XDG_RUNTIME_DIR": str(folder)}
                programs.append(
                    await Program.start(
                        folder / "door.log", "run", "--config", str(config), env=env
                    )
                )
            told: dict[Path, float] = {}
            async with asyncio.timeout(LONGEST):
                while len(told) < 2:
                    for folder in folders[1:]:
                        if folder not in told and "another device is on line" in await faults(
                            folder
                        ):
                            told[folder] = time.monotonic() - began
                    await asyncio.sleep(0.2)
            logs = [each.log() for each in programs]
            assert all("another device is on line as door-1" in each for each in logs)
            assert not any("set aside" in each for each in logs)
        finally:
            for program in programs:
                await program.end()
    # a busy machine takes its time, and still no more than twice what is promised
    assert max(told.values()) < 2 * PROMISED


@contextmanager
def device(port: int, boot_id: str, folder: Path) -> Iterator[tuple[MqttBroker, StatusEcho]]:
    """What a device has to do with its broker, of which it takes short pauses."""
    mqtt = {"port": port}
    given = Settings.model_validate({"uid": "door-1", "state_directory": folder, "mqtt": mqtt})
    options = given.mqtt.connection("callbox-door-1", "door-1").model_copy(update=SHORT_PAUSES)
    topics, state = Topics(given.topic_prefix), DeviceState("none")
    broker = MqttBroker(options, will=offline("door-1", topics, boot_id))
    retained = Retained(broker)
    status = {"state": "online", "bootId": boot_id}
    retained.say(topics.status("door-1"), json.dumps(status).encode())
    yield broker, make_echo(given, broker, retained, boot_id, state)


async def test_two_of_one_uid_are_told_where_a_session_is_given_nothing_retained(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As rumqttd does, which is iotcore's."""
    pytest.importorskip("iotcore")
    with (
        simple(Iotcore, tmp_path) as port,
        device(port, "one", tmp_path) as (one, first),
        device(port, "two", tmp_path) as (two, second),
    ):
        async with one, two, first, second:
            await until(lambda: all(each._state.rival is not None for each in (first, second)))
            assert (one.refused_topics, two.refused_topics) == ({}, {})
    assert "set aside" not in caplog.text
