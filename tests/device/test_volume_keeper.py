"""How loud both ends are: at once, over a restart, and for all to see."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.device import volume_keeper
from agent.device.operator_settings import OperatorSettings
from agent.device.retained import Retained
from agent.device.volume_keeper import FILE_NAME, VolumeKeeper
from agent.errors import MediaUnavailable, NotSupportedError
from agent.media.sound.level import Level
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork

TOPIC = "callbox/v1/door-1/settings"


@dataclass
class Door:
    """`missing` are ends without a card."""

    levels: dict[str, Level] = field(
        default_factory=lambda: {"speaker": Level(80), "microphone": Level(70)}
    )
    missing: set[str] = field(default_factory=set)
    network: FakeNetwork = field(default_factory=FakeNetwork)

    @asynccontextmanager
    async def keeper(self, folder: Path) -> AsyncIterator[VolumeKeeper]:
        broker = FakeBroker(self.network, "door-1")
        shown = OperatorSettings(Retained(broker), TOPIC)
        keeper = VolumeKeeper(folder, self.levels, lambda end: end not in self.missing, shown)
        async with broker, keeper:
            await broker.wait_connected(30)
            yield keeper

    def loud(self) -> dict[str, int]:
        return {end: level.level for end, level in self.levels.items()}

    def shown(self) -> Any:
        said = [each.payload for each in self.network.published if each.topic == TOPIC]
        return json.loads(said[-1])


async def test_volume_stands_over_a_restart(tmp_path: Path) -> None:
    door = Door()
    async with door.keeper(tmp_path) as keeper:
        assert door.shown() == {
            "speaker": 80,
            "microphone": 70,
            "override": None,
            "silencedUntil": None,
        }
        assert await keeper.set(speaker=0, microphone=None) == {"speaker": 0, "microphone": 70}
        assert door.shown() == {
            "speaker": 0,
            "microphone": 70,
            "override": None,
            "silencedUntil": None,
        }
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    # what nobody has set follows the settings
    again = Door({"speaker": Level(80), "microphone": Level(60)})
    async with again.keeper(tmp_path) as keeper:
        assert again.loud() == {"speaker": 0, "microphone": 60}
        await keeper.set(microphone=100)
    third = Door()
    async with third.keeper(tmp_path):
        assert third.loud() == {"speaker": 0, "microphone": 100}
        assert third.shown() == {
            "speaker": 0,
            "microphone": 100,
            "override": None,
            "silencedUntil": None,
        }


async def test_volume_of_an_end_that_is_missing_is_refused_and_not_shown(tmp_path: Path) -> None:
    door = Door({"speaker": Level(80), "microphone": Level(70)}, missing={"microphone"})
    async with door.keeper(tmp_path) as keeper:
        with pytest.raises(NotSupportedError, match="has no microphone"):
            await keeper.set(speaker=1, microphone=1)
        assert door.loud() == {"speaker": 80, "microphone": 70}
        assert door.shown() == {"speaker": 80, "override": None, "silencedUntil": None}
        # plugged in, pulled, and plugged in
        door.missing.clear()
        keeper.refresh()
        assert door.shown()["microphone"] == 70
        door.missing.add("microphone")
        keeper.refresh()
        assert "microphone" not in door.shown()
        door.missing.clear()
        assert await keeper.set(microphone=1) == {"speaker": 80, "microphone": 1}
    none = Door({})
    async with none.keeper(tmp_path) as keeper:
        assert none.shown() == {"override": None, "silencedUntil": None}
        with pytest.raises(NotSupportedError, match="has no speaker"):
            await keeper.set(speaker=1)
        assert await keeper.set(speaker=None) == {}


async def test_volume_of_a_card_that_hangs_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, hanging = Door(), threading.Event()
    async with door.keeper(tmp_path) as keeper:
        door.levels["speaker"].leave_to(lambda volume: volume != 5 or hanging.wait())
        monkeypatch.setattr(volume_keeper, "TURN_TIMEOUT", 0.01)
        with pytest.raises(MediaUnavailable, match="speaker does not answer"):
            await keeper.set(speaker=5)
        monkeypatch.undo()
        assert (await keeper.set(microphone=6))["microphone"] == 6
        hanging.set()


@pytest.mark.parametrize("kept", ["{", "[]", '{"speaker": 101}', '{"speaker": "loud"}'])
async def test_volume_whose_file_is_damaged_is_what_the_settings_say(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kept: str
) -> None:
    (tmp_path / FILE_NAME).write_text(kept)
    door = Door()
    async with door.keeper(tmp_path):
        assert door.loud() == {"speaker": 80, "microphone": 70}
    assert "cannot be used" in caplog.text


async def test_volume_that_the_disk_does_not_take_is_turned_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door()
    with caplog.at_level(logging.WARNING):
        async with door.keeper(tmp_path / "nowhere") as keeper:
            await keeper.set(speaker=5)
    assert door.loud()["speaker"] == 5
    assert "not kept over a restart" in caplog.text
