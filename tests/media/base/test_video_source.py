"""What the hubs ask of a source."""

from __future__ import annotations

import av
import pytest

from agent.media.base.video_source import FramerateControl, VideoOptions
from agent.media.pattern.pattern_source import PatternSource
from agent.ports import BitrateLimits
from tests.fakes.video import FakeVideoSource, StillSourceFake


@pytest.mark.parametrize(
    ("width", "height", "profile_level_id"), [(320, 240, "42c015"), (1280, 720, "42c01f")]
)
def test_video_options_format_is_constrained_baseline_of_a_level_that_holds_it(
    width: int, height: int, profile_level_id: str
) -> None:
    video = VideoOptions(width=width, height=height).format
    assert (video.width, video.height, video.profile_level_id) == (width, height, profile_level_id)


def test_video_options_limits_are_the_bitrates() -> None:
    options = VideoOptions(bitrate=300_000, min_bitrate=200_000, max_bitrate=400_000)
    assert options.limits == BitrateLimits(300_000, 200_000, 400_000)


def test_framerate_control_is_what_can_leave_pictures_out() -> None:
    assert isinstance(PatternSource(VideoOptions()), FramerateControl)
    assert isinstance(StillSourceFake(av.VideoFrame(64, 64, "yuv420p")), FramerateControl)
    assert not isinstance(FakeVideoSource(), FramerateControl)
