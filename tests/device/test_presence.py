"""The device's connection and status are made of its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.device.device_state import DeviceState
from agent.device.presence import device_broker, make_echo
from agent.device.retained import Retained
from agent.settings import Settings


def settings(tmp_path: Path, **mqtt: object) -> Settings:
    return Settings.model_validate({"uid": "door-1", "state_directory": tmp_path, "mqtt": mqtt})


async def test_presence_will_waits_as_long_as_the_settings_say(tmp_path: Path) -> None:
    broker = device_broker(settings(tmp_path, will_delay=0), "boot-1")
    will = broker._link.will_trial.for_next(0.0)
    assert will is not None
    assert (will.topic, will.delay, will.retain) == ("callbox/v1/door-1/status", 0, True)


async def test_presence_password_alone_goes_with_the_uid(tmp_path: Path) -> None:
    broker = device_broker(settings(tmp_path, password="token"), "boot-1")
    assert broker._options.username == "door-1"


async def test_presence_rival_is_spared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the broker itself tells of one, too."""
    state, given = DeviceState("none"), settings(tmp_path)
    broker = device_broker(given, "boot-1")
    echo = make_echo(given, broker, Retained(broker), "boot-1", state)
    spared: list[bool] = []
    monkeypatch.setattr(broker._link, "rival_stands", spared.append)
    async with echo:
        broker._rivals.tell(True)
        assert state.rival is not None
    assert spared == [True]


async def test_presence_asks_for_what_is_retained_after_each_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(tmp_path)
    broker = device_broker(given, "boot-1")
    renewed: list[str] = []
    monkeypatch.setattr(broker._link.subscriptions, "renew", renewed.append)
    async with make_echo(given, broker, Retained(broker), "boot-1", DeviceState("none")):
        for up in (True, False, True):
            broker._callbacks.tell(up)
    assert renewed == ["callbox/v1/door-1/status"]
