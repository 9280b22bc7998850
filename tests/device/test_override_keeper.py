"""The override of the policy: over a restart, until its end, and for all to see."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.core.call.decision import Action
from agent.core.policy.override import PolicyOverride
from agent.device.device_state import DeviceState
from agent.device.operator_settings import OperatorSettings
from agent.device.override_keeper import FILE_NAME, OverrideKeeper
from agent.device.retained import Retained
from agent.errors import InvalidStateError
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.waiting import until

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TOPIC = "callbox/v1/door-1/settings"


@dataclass
class Door:
    """`applied` is what stands before the rules."""

    now: datetime = NOW
    network: FakeNetwork = field(default_factory=FakeNetwork)
    state: DeviceState = field(default_factory=lambda: DeviceState("none"))
    applied: PolicyOverride | None = None

    def override(self, override: PolicyOverride | None) -> None:
        self.applied = override

    def said(self) -> list[Any]:
        return [json.loads(each.payload) for each in self.network.published if each.topic == TOPIC]

    @asynccontextmanager
    async def keeper(self, folder: Path) -> AsyncIterator[OverrideKeeper]:
        broker = FakeBroker(self.network, "door-1")
        keeper = OverrideKeeper(
            folder,
            self,
            self.state,
            OperatorSettings(Retained(broker), TOPIC),
            lambda: self.now.timestamp(),
        )
        async with broker, keeper:
            await broker.wait_connected(30)
            yield keeper


async def test_override_without_an_end_is_for_24_hours_and_is_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door()
    with caplog.at_level(logging.WARNING):
        async with door.keeper(tmp_path) as keeper:
            await keeper.set(Action.REJECT, None)
    end = {"action": "reject", "until": "2030-01-02T00:00:00.000Z"}
    assert door.applied == PolicyOverride(action=Action.REJECT, until=NOW + timedelta(hours=24))
    assert door.state.override == end
    assert door.said()[-1] == {"override": end, "silencedUntil": None}
    assert "overridden: reject every call until 2030-01-02" in caplog.text


async def test_override_stands_over_a_restart(tmp_path: Path) -> None:
    async with Door().keeper(tmp_path) as keeper:
        await keeper.set(Action.RING, NOW + timedelta(hours=2))
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    door = Door(NOW + timedelta(hours=1))
    async with door.keeper(tmp_path) as keeper:
        assert door.applied == PolicyOverride(action=Action.RING, until=NOW + timedelta(hours=2))
        await keeper.clear()
    assert door.applied is None
    assert door.said()[-1] == {"override": None, "silencedUntil": None}
    again = Door(NOW + timedelta(hours=1))
    async with again.keeper(tmp_path):
        assert again.applied is None


async def test_override_that_ended_meanwhile_is_gone_after_a_restart(tmp_path: Path) -> None:
    async with Door().keeper(tmp_path) as keeper:
        await keeper.set(Action.ACCEPT, NOW + timedelta(hours=2))
    door = Door(NOW + timedelta(hours=3))
    async with door.keeper(tmp_path):
        await until(lambda: door.applied is None)
        await until(lambda: door.said()[-1:] == [{"override": None, "silencedUntil": None}])


async def test_override_ends_in_time(tmp_path: Path) -> None:
    door = Door()
    async with door.keeper(tmp_path) as keeper:
        await keeper.set(Action.ACCEPT, NOW + timedelta(microseconds=1000))
        door.now = NOW + timedelta(seconds=1)
        await until(lambda: door.state.override is None)
    assert door.applied is None


async def test_override_that_is_over_is_refused(tmp_path: Path) -> None:
    door = Door()
    async with door.keeper(tmp_path) as keeper:
        with pytest.raises(InvalidStateError, match="is over"):
            await keeper.set(Action.ACCEPT, NOW)
    assert door.applied is None


async def test_override_without_an_end_while_the_clock_is_unset_is_refused(tmp_path: Path) -> None:
    door = Door(datetime(1970, 1, 1, tzinfo=UTC))
    async with door.keeper(tmp_path) as keeper:
        with pytest.raises(InvalidStateError, match="clock"):
            await keeper.set(Action.REJECT, None)
        await keeper.set(Action.REJECT, NOW)
    assert door.applied == PolicyOverride(action=Action.REJECT, until=NOW)


async def test_override_whose_file_is_damaged_is_none(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("{")
    door = Door()
    async with door.keeper(tmp_path):
        assert door.applied is None
