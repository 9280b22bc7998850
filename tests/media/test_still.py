"""A still picture beside the video."""

from __future__ import annotations

import asyncio
from pathlib import Path

import av
import pytest

from agent.errors import MediaUnavailable
from agent.media.base.video_source import VideoOptions
from agent.media.source_choice import open_video_source
from agent.media.still import StillCapture, take_still
from agent.media.video_hub import VideoHub
from tests.fakes.video import access_unit
from tests.media.clips import write_clip
from tests.media.stills import decoded

OPTIONS = VideoOptions(width=320, height=240, uid="door-1")


def test_take_still_without_a_picture_of_the_source_needs_a_key_frame() -> None:
    with pytest.raises(MediaUnavailable, match="no picture yet"):
        take_still(object(), None)
    with pytest.raises(MediaUnavailable, match="cannot be decoded"):
        take_still(object(), access_unit(0, key=True))


async def snapshot(spec: str) -> av.VideoFrame:
    hub = VideoHub(open_video_source(spec, OPTIONS), OPTIONS)
    try:
        return decoded(await hub.snapshot(36 * 1024))
    finally:
        await hub.close()


async def test_snapshot_of_the_pattern_is_the_picture_now() -> None:
    frame = await snapshot("pattern")
    assert (frame.width, frame.height) == (320, 240)
    strip = bytes(frame.planes[0])[: frame.planes[0].line_size]
    # zeros and ones of its time strip
    assert min(strip[:320]) < 40
    assert max(strip[:320]) > 215


async def test_snapshot_of_a_file_is_its_last_key_frame(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_clip(clip)
    frame = await snapshot(f"file:{clip}")
    assert frame.width > 0


async def test_still_capture_waits_for_units_until_they_are_enough() -> None:
    capture, seen = StillCapture(), [access_unit(0)]
    waiting = asyncio.create_task(capture.seen(lambda: len(seen) == 2))
    await asyncio.sleep(0)
    capture.put(seen[0])
    await asyncio.sleep(0)
    assert not waiting.done()
    seen.append(access_unit(1))
    capture.put(seen[1])
    await waiting


async def test_still_capture_raises_where_the_source_ends() -> None:
    capture = StillCapture()
    capture.end(MediaUnavailable("unplugged"))
    with pytest.raises(MediaUnavailable, match="unplugged"):
        await capture.seen(lambda: False)
