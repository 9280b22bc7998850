from __future__ import annotations

import av
import pytest

from agent.media.pattern.picture import PatternPicture
from agent.media.pattern.timecode import HEIGHT, read_strip


def luma(frame: av.VideoFrame) -> bytes:
    return bytes(frame.planes[0])


@pytest.mark.parametrize(("width", "height"), [(80, 64), (640, 360), (1366, 768), (1280, 720)])
def test_pattern_picture_strip_is_on_top(width: int, height: int) -> None:
    picture = PatternPicture(width, height, "a rather long name of a device that does not fit")
    picture.draw(1_234_567_890_123, 1)
    assert read_strip(
        luma(picture.frame), picture.frame.planes[0].line_size, width
    ) == 1_234_567_890_123 % (1 << 40)


def test_pattern_picture_something_moves_and_counts() -> None:
    picture = PatternPicture(640, 360, "door-1")
    stride = picture.frame.planes[0].line_size
    seen = set()
    for number in range(5):
        picture.draw(1000, number)
        seen.add(luma(picture.frame)[HEIGHT * stride :])
    assert len(seen) == 5
    picture.draw(1000, 0)
    still = luma(picture.frame)
    picture.draw(1500, 0)
    moved_rows = {
        at // stride
        for at, (a, b) in enumerate(zip(still, luma(picture.frame), strict=True))
        if a != b
    }
    assert any(row > 360 // 2 for row in moved_rows)


def test_pattern_picture_moving_block_leaves_no_trail() -> None:
    picture = PatternPicture(640, 360, "door-1")
    for milliseconds in range(0, 4000, 40):
        picture.draw(milliseconds, 0)
    picture.draw(5000, 7)
    fresh = PatternPicture(640, 360, "door-1")
    fresh.draw(5000, 7)
    assert luma(picture.frame) == luma(fresh.frame)


def test_pattern_picture_uid_is_shown() -> None:
    one, other = PatternPicture(640, 360, "door-1"), PatternPicture(640, 360, "door-2")
    assert luma(one.frame) != luma(other.frame)


def test_pattern_picture_flashes_at_the_begin_of_a_second() -> None:
    picture = PatternPicture(640, 360, "x")
    corner = 360 // 12
    stride = picture.frame.planes[0].line_size
    at = (HEIGHT + corner) * stride + 640 - corner
    shades = []
    for milliseconds in (5000, 5119, 5120, 5999):
        picture.draw(milliseconds, 0)
        shades.append(luma(picture.frame)[at])
    assert shades == [235, 235, 16, 16]
