"""For a while no chime sounds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.device.operator_settings import OperatorSettings
from agent.device.retained import Retained
from agent.device.silence_keeper import FILE_NAME, SilenceKeeper
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.parties import NOW
from tests.waiting import until


@asynccontextmanager
async def keeper(folder: Path, now: list[float]) -> AsyncIterator[SilenceKeeper]:
    broker = FakeBroker(FakeNetwork(), "door-1")
    shown = OperatorSettings(Retained(broker), "callbox/v1/door-1/settings")
    made = SilenceKeeper(folder, shown, lambda: now[0])
    async with broker, made:
        yield made


async def test_silence_stands_over_a_restart_until_its_end(tmp_path: Path) -> None:
    now = [NOW]
    async with keeper(tmp_path, now) as silence:
        assert not silence.silenced
        await silence.set(600)
    async with keeper(tmp_path, now) as silence:
        assert silence.silenced
        now[0] += 600
        assert not silence.silenced
    async with keeper(tmp_path, now) as silence:
        await until(lambda: not (tmp_path / FILE_NAME).exists())
        assert not silence.silenced


@pytest.mark.parametrize("text", ["", "{", "[]", '{"until": null}'])
async def test_silence_of_a_broken_file_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    async with keeper(tmp_path, [NOW]) as silence:
        assert not silence.silenced


async def test_silence_that_the_disk_does_not_take_holds_until_a_restart(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with keeper(tmp_path / "file", [NOW]) as silence:
        await silence.set(60)
        assert silence.silenced
