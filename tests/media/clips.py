"""Small video and sound files, made when a test needs them."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from agent.media.pattern.picture import PatternPicture
from agent.ports import AccessUnit

WIDTH, HEIGHT, FRAMERATE = 320, 240, 25


def write_clip(
    path: Path, *, pictures: int = 12, gop: int = 6, b_frames: int = 0, codec: str = "libx264"
) -> Path:
    """A clip of the test pattern at 25 fps whose time strip counts 40 ms a picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FRAMERATE)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = gop
        if codec == "libx264":
            stream.codec_context.options = {"preset": "ultrafast", "bf": str(b_frames)}
        drawn = PatternPicture(WIDTH, HEIGHT, "clip")
        for number in range(pictures):
            drawn.draw(number * 1000 // FRAMERATE, number)
            drawn.frame.pts = number
            drawn.frame.time_base = Fraction(1, FRAMERATE)
            container.mux(stream.encode(drawn.frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path, *, seconds: float = 0.2, rate: int = 16_000) -> Path:
    """A stereo WAV file with a rising ramp in it."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(
            b"".join((n % 8000).to_bytes(2, "little") * 2 for n in range(int(seconds * rate)))
        )
    return path


def decode(units: Iterable[AccessUnit | bytes]) -> list[av.VideoFrame]:
    """What a decoder makes of the units; one that cannot be decoded raises."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.options = {"err_detect": "explode"}
    frames: list[av.VideoFrame] = []
    for unit in units:
        frames += decoder.decode(av.Packet(unit if isinstance(unit, bytes) else unit.data))
    return frames + decoder.decode(None)
