"""The settings of the camera and its encoder."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from agent.h264.picture_limits import limit_fault
from agent.options import Real, Section, Whole, conflict


def check_video_source(source: str) -> str:
    """auto | picamera2 | pattern | file:PATH | v4l2:PATH"""
    kind, _, path = source.partition(":")
    if source not in ("auto", "picamera2", "pattern") and not (
        kind in ("file", "v4l2") and path and path.isprintable()
    ):
        raise ValueError(f"{source!r} is not auto, picamera2, pattern, file:PATH or v4l2:PATH")
    return source


class VideoSettings(Section):
    """The camera and its one encoder, shared by all calls."""

    source: Annotated[str, AfterValidator(check_video_source)] = Field(
        default="auto",
        description="auto (the first camera that is found), picamera2 (the Pi's), pattern (a "
        "test picture with the "
        "time in it), file:PATH (a file with H.264, looped), v4l2:PATH (such as v4l2:/dev/video0).",
    )
    width: Whole = Field(
        default=1280, ge=80, le=4096, multiple_of=2, description="Pixels, even: color is halved."
    )
    height: Whole = Field(default=720, ge=64, le=4096, multiple_of=2, description="Pixels, even.")
    framerate: Whole = Field(default=30, ge=1, le=120, description="Frames per second.")
    bitrate: Whole = Field(
        default=2_000_000,
        ge=50_000,
        le=50_000_000,
        description="bit/s at the start of a call; it follows the network between min_bitrate "
        "and max_bitrate.",
    )
    min_bitrate: Whole = Field(
        default=250_000,
        ge=50_000,
        le=50_000_000,
        description="bit/s that the encoder is asked for at least; hardware encoders hang when "
        "asked for very little. "
        "Where the network carries less, pictures are left out: down to one in four.",
    )
    max_bitrate: Whole = Field(
        default=4_000_000,
        ge=50_000,
        le=50_000_000,
        description="bit/s that a call may take of the network at most.",
    )
    linger: Real = Field(
        default=5.0,
        ge=0,
        le=60,
        description="Seconds that the camera stays on after the last call: who calls again "
        "sees a picture at once.",
    )

    @model_validator(mode="after")
    def _bitrates_are_in_order(self) -> Self:
        if self.min_bitrate > self.max_bitrate:
            raise conflict(
                "min_bitrate", f"{self.min_bitrate} is above max_bitrate ({self.max_bitrate})"
            )
        if self.bitrate < self.min_bitrate:
            raise conflict("bitrate", f"{self.bitrate} is below min_bitrate ({self.min_bitrate})")
        if fault := limit_fault(self.width, self.height, self.framerate):
            raise conflict("height", fault)
        if self.bitrate > self.max_bitrate:
            raise conflict("bitrate", f"{self.bitrate} is above max_bitrate ({self.max_bitrate})")
        return self
