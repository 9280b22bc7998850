"""libx264 for a live call: no frame of delay, key frames on demand, and a bitrate that moves while
it runs.
"""

from __future__ import annotations

from fractions import Fraction

import av
import av.error
from av.codec.context import ThreadType
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from agent.errors import MediaUnavailable
from agent.h264.parameter_sets import level_for
from agent.ports import VIDEO_CLOCK_RATE, AccessUnit, VideoFormat

_SECONDS_BETWEEN_KEYFRAMES = 10
"""Viewers ask for key frames; this bounds what a viewer that cannot ask would wait."""
_VBV_SHARE = 8
"""The rate buffer is 1/8 s at the highest bitrate: small key frames, and a quick answer to a new
bitrate.
"""


class X264Encoder:
    """Constrained Baseline, Annex B, parameter sets before every IDR. Not thread-safe: one thread
    encodes.

    Sizes are pixels and even, `framerate` pictures/s, bitrates bit/s. Raises MediaUnavailable.
    """

    def __init__(
        self, width: int, height: int, framerate: float, bitrate: int, max_bitrate: int
    ) -> None:
        level = level_for(width, height, framerate, max_bitrate)
        self.format = VideoFormat(width, height, framerate, f"42c0{level:02x}")
        self._max_bitrate = max_bitrate
        try:
            self._context = _open(self.format, level, max_bitrate)
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaUnavailable(
                f"libx264 cannot encode {width}x{height} at {framerate:g} fps: {error}"
            ) from error
        self.set_bitrate(bitrate)

    def encode(
        self, frame: av.VideoFrame, *, pts: int, captured_at: float, force_idr: bool = False
    ) -> list[AccessUnit]:
        """The access units that `frame` makes: exactly one, as there is no delay. `pts` counts
        1/90000 s.
        """
        frame.pts = pts
        frame.time_base = Fraction(1, VIDEO_CLOCK_RATE)
        frame.pict_type = PictureType.I if force_idr else PictureType.NONE
        return [
            AccessUnit(
                bytes(packet),
                packet.is_keyframe,
                packet.pts if packet.pts is not None else pts,
                captured_at,
            )
            for packet in self._context.encode(frame)
        ]

    def set_bitrate(self, bitrate: int) -> None:
        """The new target, from the next frame on; at most the `max_bitrate` that the encoder was
        opened with.
        """
        self._context.bit_rate = min(bitrate, self._max_bitrate)


def _open(wanted: VideoFormat, level: int, max_bitrate: int) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = wanted.width, wanted.height, "yuv420p"
    context.time_base = Fraction(1, VIDEO_CLOCK_RATE)
    context.framerate = Fraction(wanted.framerate).limit_denominator(1001)
    context.gop_size = max(1, round(wanted.framerate * _SECONDS_BETWEEN_KEYFRAMES))
    # frame threads would hold back a frame each
    context.thread_type = ThreadType.SLICE
    context.thread_count = 1
    # x264 follows a new bitrate only in its constant rate mode, which it decides on when it is
    # opened: average and maximum must be equal then. The real target is set
    # right after.
    context.bit_rate = max_bitrate
    context.options = {
        # makes nothing beyond Constrained Baseline
        "preset": "ultrafast",
        "tune": "zerolatency",
        "level": str(level),
        "maxrate": str(max_bitrate),
        "bufsize": str(max_bitrate // _VBV_SHARE),
        "forced-idr": "1",
    }
    context.open()
    return context
