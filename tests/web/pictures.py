"""Pictures that a test needs no camera for."""

from __future__ import annotations

from fractions import Fraction

import av


def jpeg(width: int, height: int, shade: int = 130) -> bytes:
    """A JPEG of one shade."""
    codec = av.CodecContext.create("mjpeg", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = width, height, "yuvj420p"
    codec.time_base = Fraction(1, 1)
    frame = av.VideoFrame(width, height, "yuvj420p")
    for plane, value in zip(frame.planes, (shade, 90, 150), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])
