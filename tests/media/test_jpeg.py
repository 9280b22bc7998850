"""Still pictures as JPEG."""

from __future__ import annotations

import random

import av
import pytest

from agent.errors import MediaUnavailable
from agent.media.jpeg import encode_jpeg
from tests.media.stills import decoded


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
def test_encode_jpeg_fits_however_much_is_in_the_picture(max_bytes: int) -> None:
    jpeg = encode_jpeg(noise(1920, 1080), max_bytes)
    assert max_bytes // 8 < len(jpeg.data) <= max_bytes
    assert abs(jpeg.width / jpeg.height - 16 / 9) < 0.03
    decoded(jpeg)


def test_encode_jpeg_keeps_an_easy_picture_as_large_as_it_may_be() -> None:
    assert encode_jpeg(plain(1280, 720, 99), 36 * 1024).width == 640
    assert encode_jpeg(plain(320, 240, 99), 36 * 1024).width == 320


@pytest.mark.parametrize(("luma", "shown"), [(16, 0), (126, 128), (235, 255)])
def test_encode_jpeg_uses_the_full_range(luma: int, shown: int) -> None:
    frame = decoded(encode_jpeg(plain(640, 360, luma), 36 * 1024))
    assert abs(bytes(frame.planes[0])[1000] - shown) <= 2


def test_encode_jpeg_raises_where_nothing_fits() -> None:
    with pytest.raises(MediaUnavailable, match="100 bytes"):
        encode_jpeg(noise(640, 480), 100)
