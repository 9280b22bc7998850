"""The clip that is sent: 1080p30 at 4 Mbit/s, made when it is needed."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

WIDTH, HEIGHT, FRAMERATE, SECONDS = 1920, 1080, 30, 8
BITRATE = 4_000_000
_PATCH = 480  # pixels: a square of noise, so that there is something to encode


def clip_1080p(folder: Path) -> Path:
    path = folder / "1080p30.mp4"
    if not path.exists():
        _encode(path)
    return path


def _encode(path: Path) -> None:
    generator = random.Random(1)
    noise = [generator.randbytes(_PATCH) for _ in range(64)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FRAMERATE)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = 2 * FRAMERATE
        stream.codec_context.bit_rate = BITRATE
        rate = {"maxrate": str(BITRATE), "bufsize": str(BITRATE // 2), "minrate": str(BITRATE), "nal-hrd": "cbr"}
        stream.codec_context.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", **rate}
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane in frame.planes:
            plane.update(b"\x80" * plane.buffer_size)
        for number in range(SECONDS * FRAMERATE):
            frame.make_writable()
            luma = memoryview(frame.planes[0])
            for row in range(_PATCH):
                start = (300 + row) * frame.planes[0].line_size + 8 * number % (WIDTH - _PATCH)
                luma[start : start + _PATCH] = generator.choice(noise)
            frame.pts, frame.time_base = number, Fraction(1, FRAMERATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
