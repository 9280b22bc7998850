"""What browsers show of H.264."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.h264.picture_limits import limit_fault
from agent.media.base.video_settings import VideoSettings


@pytest.mark.parametrize(
    ("size", "fault"),
    [
        ((1280, 720, 120), None),
        ((3840, 2160, 60), None),
        ((4096, 2304, 30), None),
        ((2304, 4096, 30), None),
        ((4096, 3072, 30), "no browser shows 4096x3072: 4096x2304 is the most (H.264, level 5.2)"),
        ((4096, 4096, 1), "no browser shows 4096x4096: 4096x2304 is the most (H.264, level 5.2)"),
        ((9000, 64, 1), "no browser shows 9000x64: 4096x2304 is the most (H.264, level 5.2)"),
        (
            (3840, 2160, 120),
            "no browser shows 3840x2160 at 120 fps: 64 fps are the most (H.264, level 5.2)",
        ),
    ],
)
def test_limit_fault(size: tuple[int, int, float], fault: str | None) -> None:
    assert limit_fault(*size) == fault


def test_settings_of_a_picture_that_no_browser_shows_are_refused() -> None:
    with pytest.raises(ValidationError, match="no browser shows 4096x3072"):
        VideoSettings(width=4096, height=3072)
    with pytest.raises(ValidationError, match="width"):
        VideoSettings(width=64, height=64)
