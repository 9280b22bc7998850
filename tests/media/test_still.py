from __future__ import annotations

import io
import random
from pathlib import Path

import av
import pytest

from agent.errors import MediaUnavailable
from agent.media.jpeg import Jpeg, encode_jpeg
from agent.media.source_choice import open_video_source
from agent.media.still import take_still
from agent.media.video_hub import VideoHub
from agent.media.video_source import VideoOptions
from tests.fakes.video import access_unit
from tests.media.clips import write_clip

OPTIONS = VideoOptions(width=320, height=240, uid="door-1")


def decoded(jpeg: Jpeg) -> av.VideoFrame:
    with av.open(io.BytesIO(jpeg.data), mode="r", format="mjpeg") as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (jpeg.width, jpeg.height)
    return frame


def noise(width: int, height: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    dice = random.Random(1)
    for plane in frame.planes:
        plane.update(dice.randbytes(plane.buffer_size))
    return frame


def plain(width: int, height: int, luma: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, value in zip(frame.planes, (luma, 128, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    return frame


@pytest.mark.parametrize("max_bytes", [36 * 1024, 12 * 1024, 4000])
def test_a_picture_fits_however_much_is_in_it(max_bytes: int) -> None:
    jpeg = encode_jpeg(noise(1920, 1080), max_bytes)
    assert max_bytes // 8 < len(jpeg.data) <= max_bytes
    assert abs(jpeg.width / jpeg.height - 16 / 9) < 0.03
    decoded(jpeg)


def test_an_easy_picture_stays_as_large_as_it_may_be() -> None:
    assert encode_jpeg(plain(1280, 720, 99), 36 * 1024).width == 640
    assert encode_jpeg(plain(320, 240, 99), 36 * 1024).width == 320


@pytest.mark.parametrize(("luma", "shown"), [(16, 0), (126, 128), (235, 255)])
def test_black_is_black_and_white_is_white(luma: int, shown: int) -> None:
    frame = decoded(encode_jpeg(plain(640, 360, luma), 36 * 1024))
    assert abs(bytes(frame.planes[0])[1000] - shown) <= 2


def test_a_picture_that_cannot_fit_is_an_error() -> None:
    with pytest.raises(MediaUnavailable, match="100 bytes"):
        encode_jpeg(noise(640, 480), 100)


def test_a_source_without_a_picture_of_its_own_needs_a_key_frame_that_can_be_decoded() -> None:
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


async def test_a_snapshot_of_the_pattern() -> None:
    frame = await snapshot("pattern")
    assert (frame.width, frame.height) == (320, 240)
    strip = bytes(frame.planes[0])[: frame.planes[0].line_size]
    # zeros and ones of its time strip
    assert min(strip[:320]) < 40
    assert max(strip[:320]) > 215


async def test_a_snapshot_of_a_file_is_its_last_key_frame(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_clip(clip)
    frame = await snapshot(f"file:{clip}")
    assert frame.width > 0
