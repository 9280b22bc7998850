"""Still pictures: a decoded frame as a JPEG of limited size."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import av.error
from av.video.reformatter import ColorRange, Colorspace

from agent.errors import MediaUnavailable

# bytes of one that goes into a message; base64 makes 48 KiB of them
MAX_SNAPSHOT_SIZE = 36 * 1024

_WIDTHS = (640, 480, 320, 160)
_QUALITIES = (4, 8, 14, 24)
"""MPEG's quantizer: 2 is the finest, 31 the coarsest."""


@dataclass(frozen=True, slots=True)
class Jpeg:
    """`data` is a whole JFIF file; sizes are pixels."""

    data: bytes
    width: int
    height: int


def encode_jpeg(frame: av.VideoFrame, max_bytes: int) -> Jpeg:
    """The finest picture that fits: first quality goes, then size. Raises MediaUnavailable where
    none does.
    """
    try:
        for width in (width for width in _WIDTHS if width <= frame.width or width == _WIDTHS[-1]):
            scaled = _scaled(frame, min(width, frame.width))
            for quality in _QUALITIES:
                data = _encode(scaled, quality)
                if len(data) <= max_bytes:
                    return Jpeg(data, scaled.width, scaled.height)
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaUnavailable(f"the picture cannot be made a JPEG: {error}") from error
    raise MediaUnavailable(f"the picture does not fit into {max_bytes} bytes")


def _scaled(frame: av.VideoFrame, width: int) -> av.VideoFrame:
    """Video is mostly in BT.709 or BT.601 of limited range; JFIF is BT.601 of full range."""
    height = max(2, round(frame.height * width / frame.width / 2) * 2)
    high_definition = frame.height >= 720
    return frame.reformat(
        width=width,
        height=height,
        format="yuvj420p",
        src_colorspace=Colorspace.ITU709 if high_definition else Colorspace.ITU601,
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )


def _encode(frame: av.VideoFrame, quality: int) -> bytes:
    context = av.CodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt = frame.width, frame.height, "yuvj420p"
    context.time_base = Fraction(1, 1)
    context.qmin = context.qmax = quality
    frame.pts = 0
    frame.time_base = Fraction(1, 1)
    return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))
