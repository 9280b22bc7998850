"""The clips that are sent: made when they are needed, their time strip counts from the start of the
clip.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from agent.media.file.clip import ClipPicture, read_clip
from agent.media.pattern.timecode import HEIGHT as STRIP_HEIGHT
from agent.media.pattern.timecode import encode_strip

FRAMERATE, SECONDS = 30, 8
_KEYFRAME_EVERY = 2 * FRAMERATE
# pixels: a square of noise, so that there is something to encode
_PATCH = 480


@dataclass(frozen=True, slots=True)
class Clip:
    """`bitrate` is bit/s."""

    width: int
    height: int
    bitrate: int

    @property
    def name(self) -> str:
        return f"{self.height}p{FRAMERATE} {self.bitrate // 1_000_000} Mbit/s"

    def file(self, folder: Path) -> Path:
        """The clip as an MP4 file."""
        path = folder / f"{self.height}p{FRAMERATE}-{self.bitrate // 1_000_000}.mp4"
        if not path.exists():
            _encode(path, self)
        return path


CLIP_720P = Clip(1280, 720, 2_000_000)
CLIP_1080P = Clip(1920, 1080, 4_000_000)
CLIP_1080P_FINE = Clip(1920, 1080, 8_000_000)
CLIPS = (CLIP_720P, CLIP_1080P, CLIP_1080P_FINE)


def access_units(path: Path) -> list[ClipPicture]:
    return list(read_clip(path, FRAMERATE))


def _encode(path: Path, clip: Clip) -> None:
    generator = random.Random(1)
    noise = [generator.randbytes(_PATCH) for _ in range(64)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FRAMERATE)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
        stream.codec_context.gop_size = _KEYFRAME_EVERY
        stream.codec_context.bit_rate = clip.bitrate
        rate = {
            "maxrate": str(clip.bitrate),
            "minrate": str(clip.bitrate),
            "bufsize": str(clip.bitrate // 2),
        }
        options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "nal-hrd": "cbr",
        }
        stream.codec_context.options = options | rate
        frame = av.VideoFrame(clip.width, clip.height, "yuv420p")
        for plane in frame.planes:
            plane.update(b"\x80" * plane.buffer_size)
        for number in range(SECONDS * FRAMERATE):
            frame.make_writable()
            _draw(frame, number, generator, noise)
            frame.pts, frame.time_base = number, Fraction(1, FRAMERATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _draw(frame: av.VideoFrame, number: int, generator: random.Random, noise: list[bytes]) -> None:
    stride = frame.planes[0].line_size
    luma = memoryview(frame.planes[0])
    strip = encode_strip(1000 * number // FRAMERATE, frame.width)
    for row in range(STRIP_HEIGHT):
        luma[row * stride : row * stride + frame.width] = strip
    left = 8 * number % (frame.width - _PATCH)
    for row in range(_PATCH):
        start = (200 + row) * stride + left
        luma[start : start + _PATCH] = generator.choice(noise)
