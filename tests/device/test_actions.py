"""What button, command and Home Assistant all use."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.core.call.machine import State
from agent.core.call.reasons import CallMode
from agent.device.actions import Actions
from agent.errors import InvalidStateError, MediaUnavailable
from agent.media.jpeg import MAX_SNAPSHOT_SIZE, Jpeg
from tests.devices import Device, device
from tests.fakes.network import FakeNetwork


def actions(door: Device, picture: Jpeg | None = None) -> Actions:
    async def snapshot(size: int) -> Jpeg:
        assert size == MAX_SNAPSHOT_SIZE
        if picture is None:
            raise MediaUnavailable("no camera")
        return picture

    return Actions(door.client, snapshot)


async def test_call_and_hang_up(tmp_path: Path) -> None:
    async with device(FakeNetwork(), tmp_path) as door:
        do = actions(door)
        conversation = do.call(["alice"], lifetime=30, mode=CallMode.PARALLEL)
        assert list(door.client.conversations) == [conversation.id]
        assert await do.hang_up() == [conversation]
        assert conversation.state is State.CLOSED


async def test_actions_without_a_call_are_refused(tmp_path: Path) -> None:
    async with device(FakeNetwork(), tmp_path) as door:
        do = actions(door)
        with pytest.raises(InvalidStateError, match="nothing rings"):
            await do.accept()
        with pytest.raises(InvalidStateError, match="nothing rings"):
            await do.reject()
        with pytest.raises(InvalidStateError, match="no conversation"):
            await do.hang_up()
        with pytest.raises(InvalidStateError, match="no conversation"):
            do.mute(video=True)


async def test_snapshot_is_the_cameras(tmp_path: Path) -> None:
    picture = Jpeg(b"jpeg", 640, 360)
    async with device(FakeNetwork(), tmp_path) as door:
        assert await actions(door, picture).snapshot() is picture
        with pytest.raises(MediaUnavailable):
            await actions(door).snapshot()
