"""A real broker that speaks MQTT 3.1.1 alone is told as such, by the log, `callbox status` and the
doctor, and costs nothing but itself: once another one is in its place the device is on line.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent.doctor.broker_check import check_broker
from agent.settings import Settings
from tests.conftest import Mosquitto
from tests.faults.old_brokers import OLD_BROKERS, OldBroker
from tests.faults.test_broker_contract import PATIENCE, device, told

pytestmark = [pytest.mark.broker]

WHAT = "the broker speaks MQTT 3.1.1 only"
TO_DO = "callbox needs MQTT 5"


async def until_told(*, connected: bool) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        while True:
            status = await told()
            if status["broker_connected"] is connected and (
                connected or status["broker_trouble"] is not None
            ):
                return status
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(each, marks=() if each == "aedes" else pytest.mark.further_case)
        for each in OLD_BROKERS
    ],
)
async def test_broker_of_an_old_version_is_told_and_another_one_taken(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("agent.signaling.mqtt.pauses.Backoff.next", lambda *_a, **_k: 0.2)
    mosquitto = Mosquitto(tmp_path)
    with OldBroker(name, tmp_path, mosquitto.port) as old:
        given = Settings.model_validate({"uid": "door-1", "mqtt": {"port": mosquitto.port}})
        async with device(mosquitto.port, tmp_path):
            status = await until_told(connected=False)
            found = [each async for each in check_broker(given, daemon_is_here=True)]
            (doctors,) = [(each.text, each.advice) for each in found]
            for text, advice in (
                (status["broker_trouble"], status["broker_advice"]),
                doctors,
                (caplog.text, caplog.text),
            ):
                assert WHAT in text
                assert TO_DO in advice
            old.stop()
            mosquitto.start()
            try:
                await until_told(connected=True)
            finally:
                mosquitto.stop()
