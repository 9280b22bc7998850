"""Still pictures as JPEG."""

from __future__ import annotations

import random

import av
import pytest

from agent.errors import MediaUnavailable
from agent.media.jpeg import MAX_SNAPSHOT_SIZE, Still
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
def test_still_fits_however_much_is_in_the_picture(max_bytes: int) -> None:
    jpeg = Still(noise(1920, 1080)).jpeg(max_bytes)
    assert max_bytes // 8 < len(jpeg.data) <= max_bytes
    assert abs(jpeg.width / jpeg.height - 16 / 9) < 0.03
    decoded(jpeg)


def test_still_keeps_an_easy_picture_as_large_as_it_may_be() -> None:
    assert Still(plain(1280, 720, 99)).jpeg(MAX_SNAPSHOT_SIZE).width == 640
    assert Still(plain(320, 240, 99)).jpeg(MAX_SNAPSHOT_SIZE).width == 320


@pytest.mark.parametrize(("luma", "shown"), [(16, 0), (126, 128), (235, 255)])
def test_still_uses_the_full_range(luma: int, shown: int) -> None:
    frame = decoded(Still(plain(640, 360, luma)).jpeg(MAX_SNAPSHOT_SIZE))
    assert abs(bytes(frame.planes[0])[1000] - shown) <= 2


def test_still_raises_where_nothing_fits() -> None:
    with pytest.raises(MediaUnavailable, match="100 bytes"):
        Still(noise(640, 480)).jpeg(100)


def test_still_of_a_small_and_then_a_large_size_has_the_same_colors() -> None:
    still = Still(plain(1280, 720, 126))
    small, large = decoded(still.jpeg(2900)), decoded(still.jpeg(MAX_SNAPSHOT_SIZE))
    assert (small.width, large.width) == (320, 640)
    for frame in (small, large):
        assert abs(bytes(frame.planes[0])[1000] - 128) <= 2


def test_still_is_as_fine_as_it_fits() -> None:
    still = Still(noise(640, 360))
    sizes = [len(still.jpeg(most).data) for most in (4_000, 20_000, 60_000, 120_000)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == len(sizes)
