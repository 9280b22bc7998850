"""`callbox call`: it ends at once where nobody is there, or where the broker forbids it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.commands.caller import CallPlan, place_call
from agent.commands.exit_codes import Exit
from agent.signaling.broker import Broker
from agent.signaling.mqtt.connection import MqttBroker
from tests.conftest import Mosquitto
from tests.fakes.reader import reading
from tests.signaling.mqtt.harness import connected, read
from tests.signaling.mqtt.servers import options, running
from tests.waiting import PATIENCE

pytestmark = pytest.mark.broker

STATUS = "callbox/v1/door-1/status"
SIGNALS = "callbox/v1/door-1/signal/+"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with running(tmp_path) as broker:
        yield broker


@asynccontextmanager
async def device(mosquitto: Mosquitto, *filters: str, state: str | None) -> AsyncIterator[Broker]:
    """Somebody who answers nothing."""
    broker = reading(MqttBroker(options(mosquitto.port, "door-1")), *filters or ("x",))
    async with connected(broker) as client:
        if state is not None:
            await client.publish(STATUS, json.dumps({"state": state}).encode(), retain=True)
        yield client


async def call(mosquitto: Mosquitto, lifetime: float = 120.0) -> int:
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    async with asyncio.timeout(PATIENCE):
        return await place_call(CallPlan("door-1", url, lifetime=lifetime, as_json=True))


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def test_call_to_nobody_ends_at_once(
    mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await call(mosquitto) == Exit.UNREACHABLE
    error, closed = told(capsys)
    assert (error["event"], error["code"]) == ("error", "unreachable")
    assert error["message"] == "nobody called door-1 is connected to the broker"
    assert (closed["event"], closed["reason"]) == ("closed", "cancelled")


async def test_call_to_a_device_that_is_offline_ends_at_once(
    mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its session gets the invitation, so the broker says nothing; its will does."""
    async with device(mosquitto, SIGNALS, state="offline"):
        assert await call(mosquitto) == Exit.UNREACHABLE
    error, _ = told(capsys)
    assert (error["code"], error["message"]) == ("unreachable", "door-1 is offline")


async def test_call_to_a_device_that_was_there_a_moment_ago_goes_on(
    mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says `online`, and has lost its connection and its session for now."""
    async with device(mosquitto, state="online") as door:
        calling = asyncio.create_task(call(mosquitto, lifetime=1.0))
        assert await calling == Exit.TIMEOUT
        assert door.connected
    assert [each["event"] for each in told(capsys)] == ["error", "response", "closed"]


async def test_call_to_somebody_who_is_no_device_waits_for_the_answer(
    mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    async with device(mosquitto, SIGNALS, state=None) as person:
        calling = asyncio.create_task(call(mosquitto, lifetime=1.0))
        assert json.loads((await read(person)).payload)["type"] == "invite"
        assert await calling == Exit.TIMEOUT
    assert [each["event"] for each in told(capsys)] == ["response", "closed"]


async def test_call_that_the_broker_forbids_ends_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic read #\n")
    with running(tmp_path, f"acl_file {rules}") as mosquitto:
        assert await call(mosquitto) == Exit.NOT_AUTHORIZED
    error, closed = told(capsys)
    assert error["code"] == "not_authorized"
    assert error["message"] == "the broker does not let this name call door-1"
    assert closed["reason"] == "cancelled"
