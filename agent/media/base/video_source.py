"""What the hubs ask of a source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar, runtime_checkable

from agent.h264.parameter_sets import level_for
from agent.media.base.camera_options import CameraOptions
from agent.media.base.video_settings import VideoSettings
from agent.ports import AccessUnit, BitrateLimits, VideoFormat

UnitT = TypeVar("UnitT")
UnitT_co = TypeVar("UnitT_co", covariant=True)

Emit = Callable[[UnitT], None]
Fail = Callable[[Exception], None]


class MediaSource(Protocol[UnitT_co]):
    """Makes encoded units between `start()` and `stop()`; may be started again after that.

    Both callbacks may be called from any thread. `fail` is called at most once for each start,
    `emit` never after it.
    """

    async def start(self, emit: Callable[[UnitT_co], None], fail: Fail) -> None:
        """Begin. Raises MediaUnavailable. Cancelled where it takes too long."""

    async def stop(self) -> None:
        """End, and give back thread, device and memory. Called after every `start()`, also one that
        raised.
        """


class VideoOptions(VideoSettings):
    """What a source follows. `uid` is shown by the test pattern; `camera` is for the Raspberry
    Pi's own.
    """

    uid: str = "callbox"
    camera: CameraOptions = CameraOptions()

    @classmethod
    def of(cls, settings: VideoSettings, camera: CameraOptions, uid: str) -> Self:
        """What the settings say."""
        return cls(**dict(settings), camera=camera, uid=uid)

    @property
    def format(self) -> VideoFormat:
        """What our own encoders make of this: Constrained Baseline, of a level that holds the
        highest bitrate.
        """
        level = level_for(self.width, self.height, self.framerate, self.max_bitrate)
        return VideoFormat(self.width, self.height, self.framerate, f"42c0{level:02x}")

    @property
    def limits(self) -> BitrateLimits:
        return BitrateLimits(self.bitrate, self.min_bitrate, self.max_bitrate)


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """What `about` says of a source, such as `imx708` and `V4L2 H.264`."""

    camera: str
    encoder: str


class VideoSource(MediaSource[AccessUnit], Protocol):
    """A camera with its encoder, or what stands in for one. The first unit after each start is a
    key frame.
    """

    @property
    def format(self) -> VideoFormat:
        """What is sent. Final once `start()` has returned."""

    def request_keyframe(self) -> None:
        """Make the next picture an IDR. Called by the hub, which limits how often."""

    def set_bitrate(self, bitrate: int) -> None:
        """Follow a new target in bit/s without rebuilding the encoder."""

    def describe(self) -> SourceDescription: ...


@runtime_checkable
class LossAware(Protocol):
    """A source whose packets can make up for those that are lost."""

    def expect_loss(self, fraction: float) -> None:
        """The share of packets, 0..1, that does not arrive, over a restart of the source, too. From
        the event loop, at any time.
        """


@runtime_checkable
class MuteAware(Protocol):
    """A source with a device that listens, which it closes while nobody is to be heard."""

    def mute(self, muted: bool) -> None:
        """From the event loop, at any time; also before the start."""


@runtime_checkable
class FramerateControl(Protocol):
    """A source that can leave pictures out."""

    def divide_framerate(self, divisor: int) -> None:
        """Encode one picture in `divisor`, from the next one on. Each gets the bits that it would
        get beside all.
        """
