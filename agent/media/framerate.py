"""Fewer pictures a second, where the bitrate has become too low for all of them. Pure."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from agent.ports import VideoFormat

FEWEST_BITS_PER_PIXEL = 0.005
"""Below this every picture is mud; half as many are watchable. 1280x720 at 30 fps: 138 kbit/s."""
_RETURN = 1.5
"""How many times as much there must be before the rate goes up again, so that it does not flutter."""
_DIVISORS = (1, 2, 3, 4)


@runtime_checkable
class FramerateControl(Protocol):
    """A source that can leave pictures out."""

    def divide_framerate(self, divisor: int) -> None:
        """Encode one picture in `divisor`, from the next one on."""


def frame_divisor(bitrate: int, video: VideoFormat, now: int = 1) -> int:
    """One picture in how many to encode at `bitrate` bit/s, when it is one in `now` so far."""
    pixels = video.width * video.height * video.framerate
    for divisor in _DIVISORS:
        enough = FEWEST_BITS_PER_PIXEL * (_RETURN if divisor < now else 1)
        if bitrate * divisor >= enough * pixels:
            return divisor
    return _DIVISORS[-1]
