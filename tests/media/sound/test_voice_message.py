"""What is said at the door becomes a file that plays as long as it took."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from array import array
from pathlib import Path

import pytest

from agent.errors import MediaEnded, MediaUnavailable
from agent.media.sound.audio_source import read_sound
from agent.media.sound.opus import FRAME_BYTES, FRAME_SAMPLES, OpusEncoder
from agent.media.sound.voice_message import record_message
from agent.ports import AudioPacket, AudioSubscription

# the first packet's own delay, which players leave out
PRE_SKIP = 1


def packets(frames: int, *, silent: range = range(0)) -> list[AudioPacket]:
    encoder, found = OpusEncoder(), list[AudioPacket]()
    for number in range(frames):
        loud = 0 if number in silent else 8000
        tone = (
            round(loud * math.sin(math.tau * 440 * (number * FRAME_SAMPLES + n) / 48_000))
            for n in range(FRAME_SAMPLES)
        )
        found += encoder.encode(array("h", tone).tobytes())
    return found


class Feed:
    """A microphone that has these packets, then nothing for ever, or its end."""

    present = True

    def __init__(self, given: list[AudioPacket], *, ends: bool = False) -> None:
        self._given = list(given)
        self._ends = ends
        self.said = asyncio.Event()
        self.closed = False

    async def subscribe(self, *, muted: bool = False) -> AudioSubscription:
        assert not muted
        return self

    async def next(self) -> AudioPacket:
        if self._given:
            return self._given.pop(0)
        self.said.set()
        if self._ends:
            raise MediaEnded("pulled")
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    def expect_loss(self, fraction: float) -> None: ...

    def mute(self, muted: bool) -> None: ...

    def close(self) -> None:
        self.closed = True


async def recorded(feed: Feed, path: Path) -> float:
    stop = asyncio.Event()
    recording = asyncio.create_task(record_message(feed, path, longest=60.0, stop=stop))
    await feed.said.wait()
    stop.set()
    return await recording


async def test_a_message_plays_as_long_as_it_took(tmp_path: Path) -> None:
    feed, path = Feed(packets(100)), tmp_path / "m.ogg"
    assert await recorded(feed, path) == pytest.approx(2.0)
    heard = list(read_sound(path))
    assert len(heard) == 100 - PRE_SKIP
    assert max(array("h", b"".join(heard))) > 4000
    assert path.stat().st_mode & 0o777 == 0o600
    assert feed.closed
    assert os.listdir(tmp_path) == ["m.ogg"]


async def test_a_pause_of_which_nothing_was_sent_is_kept(tmp_path: Path) -> None:
    given = packets(100, silent=range(20, 80))
    assert len(given) < 60
    path = tmp_path / "m.ogg"
    assert await recorded(Feed(given), path) == pytest.approx(2.0)
    heard = list(read_sound(path))
    assert len(heard) == 100 - PRE_SKIP
    assert max(map(abs, array("h", b"".join(heard[40:70])))) < 50
    assert max(map(abs, array("h", b"".join(heard[85:])))) > 4000


async def test_it_ends_with_the_longest_time(tmp_path: Path) -> None:
    feed, path = Feed(packets(10)), tmp_path / "m.ogg"
    recording = asyncio.create_task(record_message(feed, path, longest=0.5, stop=asyncio.Event()))
    with contextlib.suppress(MediaUnavailable):
        # a machine that stands still for that long hears nothing
        assert 0 < await recording <= 0.2 + 1e-9
    assert feed.closed


async def test_it_ends_with_the_microphone(tmp_path: Path) -> None:
    feed, path = Feed(packets(10), ends=True), tmp_path / "m.ogg"
    took = await record_message(feed, path, longest=60.0, stop=asyncio.Event())
    assert took == pytest.approx(0.2)


async def test_nothing_said_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(MediaUnavailable, match="gave nothing"):
        await recorded(Feed([]), tmp_path / "m.ogg")
    assert not os.listdir(tmp_path)


async def test_a_disk_that_does_not_take_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(MediaUnavailable, match="cannot be written"):
        await recorded(Feed(packets(10)), tmp_path / "gone" / "m.ogg")


def test_a_frame_is_as_long_as_the_encoder_takes() -> None:
    assert FRAME_BYTES == 2 * FRAME_SAMPLES
