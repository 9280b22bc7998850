"""With privacy on no picture and no sound goes out, and their files are not even open."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.errors import MediaEnded, MediaUnavailable
from agent.media.base.video_source import Fail, VideoOptions
from agent.media.open_devices import OpenDevices
from agent.media.sound.audio_hub import AudioHub
from agent.media.sound.audio_source import SoundFileSource
from agent.media.video_hub import VideoHub
from agent.ports import AccessUnit, AudioSubscription, VideoSubscription
from tests.devices import device
from tests.fakes.network import FakeNetwork
from tests.fakes.video import FakeVideoSource, access_unit
from tests.media.clips import write_sound


def open_files(folder: Path) -> set[str]:
    """What this process has open below a folder, as the kernel says."""
    found: set[str] = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            target = Path(os.readlink(each))
        except OSError:
            # it was the listing's own
            continue
        if target.parent == folder:
            found.add(target.name)
    return found


class NodeSource(FakeVideoSource):
    """Holds a device's node open while it runs, as a camera does."""

    def __init__(self, node: Path) -> None:
        super().__init__()
        node.touch()
        self._node = node
        self._descriptor = -1
        self._late: Callable[[AccessUnit], None] = lambda _unit: None

    async def start(self, emit: Callable[[AccessUnit], None], fail: Fail) -> None:
        self._descriptor = os.open(self._node, os.O_RDONLY)
        self._late = emit
        await super().start(emit, fail)

    async def stop(self) -> None:
        await super().stop()
        os.close(self._descriptor)

    def emit_late(self) -> None:
        self._late(access_unit(99, key=True))


async def ended(subscription: VideoSubscription | AudioSubscription) -> bool:
    """Whether there is an end to it; False where it goes on."""
    for _ in range(100):
        try:
            await subscription.next()
        except MediaEnded:
            return True
    return False


async def test_privacy_leaves_no_source_open_and_no_picture_on_its_way(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    # longer than what is kept in memory of a file, after which it is closed
    sound = write_sound(media / "sound.wav", seconds=400.0, rate=8000)
    devices, lights = OpenDevices(), list[bool]()
    devices.subscribe(lights.append)
    source = NodeSource(media / "video0")
    camera = VideoHub(source, VideoOptions(), on_device=devices.watcher("camera"))
    microphone = AudioHub(SoundFileSource(sound), on_device=devices.watcher("microphone"))
    async with device(FakeNetwork(), tmp_path, sources=(camera, microphone)) as door:
        picture, word = await camera.subscribe(), await microphone.subscribe()
        source.send(key=True)
        await asyncio.gather(picture.next(), word.next())
        assert open_files(media) == {"video0", "sound.wav"}
        source.send()
        assert lights == [True]
        await door.door.privacy.set(True)
        assert open_files(media) == set()
        assert lights == [True, False]
        assert devices.names == frozenset()
        for hub in (camera, microphone):
            with pytest.raises(MediaUnavailable, match="privacy"):
                await hub.subscribe()
        with pytest.raises(MediaUnavailable, match="privacy"):
            await camera.snapshot(10_000)
        # what a driver still says comes to nobody, and nothing is left that could be sent
        source.emit_late()
        for end in (picture, word):
            assert await ended(end)
        assert open_files(media) == set()
    await camera.close()
    await microphone.close()
