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

_JFIF = "yuvj420p"
_WIDTHS = (640, 480, 320, 160)
_QUALITIES = (4, 8, 14, 24)
"""MPEG's quantizer: 2 is the finest, 31 the coarsest."""
_FEWEST_BITS = 0.2
"""A pixel; a picture with fewer is mush, and a smaller one shows more."""


@dataclass(frozen=True, slots=True)
class Jpeg:
    """`data` is a whole JFIF file; sizes are pixels."""

    data: bytes
    width: int
    height: int


class Still:
    """One picture, of which JPEGs are made, each of limited size; by one thread at a time."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self._frame = frame
        self._widths = [each for each in _WIDTHS if each <= frame.width] or [frame.width]
        self._scaled: dict[int, av.VideoFrame] = {}

    def jpeg(self, max_bytes: int) -> Jpeg:
        """The finest that fits: first quality goes, then size. Blocks. Raises MediaUnavailable
        where none does.
        """
        *larger, smallest = self._widths
        widths = [each for each in larger if max_bytes * 8 >= _FEWEST_BITS * self._pixels(each)]
        try:
            for width in [*widths, smallest]:
                found = _fit(self._at(width), max_bytes)
                if found is not None:
                    return found
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaUnavailable(f"the picture cannot be made a JPEG: {error}") from error
        raise MediaUnavailable(f"the picture does not fit into {max_bytes} bytes")

    def _pixels(self, width: int) -> float:
        return width * width * self._frame.height / self._frame.width

    def _at(self, width: int) -> av.VideoFrame:
        """Each is made of the largest one: that costs less than from the whole picture."""
        largest = self._widths[0]
        if width not in self._scaled:
            source = self._frame if width == largest else self._at(largest)
            self._scaled[width] = _scale(source, width)
        return self._scaled[width]


def _fit(frame: av.VideoFrame, max_bytes: int) -> Jpeg | None:
    """In the finest quality that fits. The coarsest is tried second: where that does not fit, none
    does.
    """
    finest, *others, coarsest = _QUALITIES
    data = _encode(frame, finest)
    if len(data) > max_bytes:
        data = _encode(frame, coarsest)
        if len(data) > max_bytes:
            return None
        finer = (_encode(frame, quality) for quality in others)
        data = next((each for each in finer if len(each) <= max_bytes), data)
    return Jpeg(data, frame.width, frame.height)


def _scale(frame: av.VideoFrame, width: int) -> av.VideoFrame:
    """Video is mostly in BT.709 or BT.601 of limited range; JFIF is BT.601 of full range, which
    what was scaled before is.
    """
    height = max(2, round(frame.height * width / frame.width / 2) * 2)
    if frame.format.name == _JFIF:
        return frame.reformat(width=width, height=height)
    high_definition = frame.height >= 720
    return frame.reformat(
        width=width,
        height=height,
        format=_JFIF,
        src_colorspace=Colorspace.ITU709 if high_definition else Colorspace.ITU601,
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )


def _encode(frame: av.VideoFrame, quality: int) -> bytes:
    context = av.CodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt = frame.width, frame.height, _JFIF
    context.time_base = Fraction(1, 1)
    context.qmin = context.qmax = quality
    frame.pts = 0
    frame.time_base = Fraction(1, 1)
    return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))
