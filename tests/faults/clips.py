"""A clip whose key frames are a burden."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av

WIDTH, HEIGHT, FRAMERATE = 1280, 720, 30
_FRAMES = 120
_QUANTIZER = 24


def write_large_keyframes(path: Path) -> Path:
    """Four seconds at 30 fps: key frames of about 200 kB, between them still pictures of a few
    hundred bytes.
    """
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    codec.framerate, codec.time_base = Fraction(FRAMERATE), Fraction(1, FRAMERATE)
    codec.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "qp": str(_QUANTIZER),
        "g": str(_FRAMES),
        "level": "31",
    }
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    noise = random.Random(1).randbytes(WIDTH)
    for number, plane in enumerate(frame.planes):
        rows = plane.buffer_size // plane.line_size
        grainy = HEIGHT * 3 // 5 if number == 0 else 0
        line = bytes(100 + (value & 31) for value in noise).ljust(plane.line_size, b"\x80")
        shifted = [line[row * 7 % WIDTH :] + line[: row * 7 % WIDTH] for row in range(grainy)]
        plane.update(b"".join(shifted) + b"\x80" * (plane.line_size * (rows - grainy)))
    with path.open("wb") as file:
        for number in range(_FRAMES):
            frame.pts = number
            for packet in codec.encode(frame):
                file.write(bytes(packet))
    return path
