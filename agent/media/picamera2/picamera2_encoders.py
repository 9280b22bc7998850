"""The one place that knows the inside of picamera2's encoders: key frames, a live bitrate, low
delay.
"""

from __future__ import annotations

import ctypes
import fcntl
import logging
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol

from agent.h264.parameter_sets import ParameterSets
from agent.media.base.video_source import VideoOptions
from agent.ports import VIDEO_CLOCK_RATE, AccessUnit

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_KEYFRAMES = 10
LOWEST_BITRATE = 150_000
"""bit/s: the firmware's encoder was seen to hang below about 100 kbit/s."""
_VBV_SHARE = 8
# The kernel's names: VIDIOC_S_CTRL and V4L2_CID_MPEG_VIDEO_BITRATE (linux/videodev2.h,
# linux/v4l2-controls.h).
_VIDIOC_S_CTRL = 0xC008561C
_CID_BITRATE = 0x009909CF
_MICROSECONDS = 1_000_000


class EncoderControl(Protocol):
    def request_keyframe(self) -> None: ...

    def set_bitrate(self, bitrate: int) -> None: ...

    def divide_framerate(self, divisor: int) -> None: ...


Opened = tuple[Any, Any, EncoderControl]
"""picamera2's encoder and its output, and our hold on the encoder."""


def open_hardware_encoder(options: VideoOptions, emit: Callable[[AccessUnit], None]) -> Opened:
    """The VideoCore's H.264 encoder (V4L2 M2M, /dev/video11)."""
    from picamera2.encoders.h264_encoder import H264Encoder

    class LiveHardwareEncoder(H264Encoder):  # type: ignore[misc]
        """Hands over what was asked for between two frames: at most once for each, and never to a
        closed device.
        """

        def _encode(self, stream: str, request: Any) -> None:
            control.before_frame()
            super()._encode(stream, request)

    if options.min_bitrate < LOWEST_BITRATE:
        logger.warning(
            "video.min_bitrate is %d, but this encoder gets %d at least, as it may hang below",
            options.min_bitrate,
            LOWEST_BITRATE,
        )
    encoder = LiveHardwareEncoder(
        bitrate=max(options.bitrate, LOWEST_BITRATE),
        repeat=True,
        iperiod=_iperiod(options),
        framerate=options.framerate,
        profile="constrained baseline",
    )
    control = HardwareControl(encoder)
    return encoder, make_output(encoder, emit), control


class _Control(ctypes.Structure):
    """`struct v4l2_control`."""

    _fields_ = (("id", ctypes.c_uint32), ("value", ctypes.c_int32))


class HardwareControl:
    """Our hold on picamera2's `H264Encoder`. What is asked for waits for the next frame; the latest
    bitrate counts.
    """

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self._keyframe_wanted = False
        self._wanted_bitrate: int | None = None

    def request_keyframe(self) -> None:
        self._keyframe_wanted = True

    def set_bitrate(self, bitrate: int) -> None:
        """At least `LOWEST_BITRATE`."""
        self._wanted_bitrate = max(bitrate, LOWEST_BITRATE)

    def divide_framerate(self, divisor: int) -> None:
        self._encoder.frame_skip_count = divisor

    def before_frame(self) -> None:
        """Called in the camera's thread."""
        if self._keyframe_wanted:
            self._keyframe_wanted = False
            self._encoder.force_key_frame()
        wanted, self._wanted_bitrate = self._wanted_bitrate, None
        if wanted is not None:
            self._apply(wanted)

    def _apply(self, bitrate: int) -> None:
        """A control of the open device file: the running encoder follows, nothing is rebuilt."""
        try:
            fcntl.ioctl(self._encoder.vd, _VIDIOC_S_CTRL, _Control(_CID_BITRATE, bitrate))
        except (OSError, ValueError, AttributeError) as error:
            # a driver that refuses
            logger.warning("the encoder did not take a bitrate of %d: %s", bitrate, error)
            return
        self._encoder.bitrate = bitrate


def open_software_encoder(options: VideoOptions, emit: Callable[[AccessUnit], None]) -> Opened:
    """libx264 through picamera2's libav encoder, with what makes it fit for a live call."""
    encoder = _live_encoder_class()(options)
    return encoder, make_output(encoder, emit), encoder


class SoftwareControl:
    """Our hold on picamera2's `LibavH264Encoder`, of whose subclass it is a base. What is asked for
    waits for the next frame.
    """

    frame_skip_count: int

    def __init__(self, bitrate: int) -> None:
        self.wanted_bitrate: int | None = bitrate
        self.keyframe_wanted = False

    def request_keyframe(self) -> None:
        self.keyframe_wanted = True

    def set_bitrate(self, bitrate: int) -> None:
        self.wanted_bitrate = bitrate

    def divide_framerate(self, divisor: int) -> None:
        self.frame_skip_count = divisor

    def before_frame(self, context: Any, max_bitrate: int) -> bool:
        """Called in the camera's thread with the codec's context: whether the frame shall be an
        IDR.
        """
        if self.wanted_bitrate is not None:
            context.bit_rate = min(self.wanted_bitrate, max_bitrate)
            self.wanted_bitrate = None
        keyframe, self.keyframe_wanted = self.keyframe_wanted, False
        return keyframe


def _live_arguments(options: VideoOptions) -> dict[str, Any]:
    return {
        "bitrate": options.max_bitrate,
        "repeat": True,
        "iperiod": _iperiod(options),
        "framerate": Fraction(options.framerate).limit_denominator(1001),
        "profile": "constrained baseline",
    }


def _live_options(level: int, max_bitrate: int) -> dict[str, str]:
    """libx264's, for a bitrate that moves below `max_bitrate`."""
    return {
        "level": str(level),
        "maxrate": str(max_bitrate),
        "bufsize": str(max_bitrate // _VBV_SHARE),
        "forced-idr": "1",
    }


def _live_encoder_class() -> Any:
    """A subclass of picamera2's; made here, as its base can be imported on a device only."""
    import av
    from av.codec.context import ThreadType
    from av.video.frame import PictureType
    from picamera2.encoders.libav_h264_encoder import LibavH264Encoder
    from picamera2.request import MappedArray

    class LiveLibavEncoder(SoftwareControl, LibavH264Encoder):  # type: ignore[misc]
        """No frame threads, as each would hold back a frame; VBV, so that the bitrate can move;
        real IDRs on demand.
        """

        def __init__(self, options: VideoOptions) -> None:
            SoftwareControl.__init__(self, options.bitrate)
            LibavH264Encoder.__init__(self, **_live_arguments(options))
            self.drop_final_frames = True
            self._level = int(options.format.profile_level_id[4:], 16)

        def _start(self) -> None:
            super()._start()
            context = self._stream.codec_context
            context.thread_type = ThreadType.SLICE
            context.thread_count = 0
            context.options = context.options | _live_options(self._level, self.bitrate)
            # Opened with average equal to maximum: only then x264 follows a bitrate that changes.
            context.open()

        def _encode(self, stream: str, request: Any) -> None:
            keyframe = self.before_frame(self._stream.codec_context, self.bitrate)
            request.acquire()
            self._request_release_queue.append(request)
            with MappedArray(request, stream) as mapped:
                frame = av.VideoFrame.from_numpy_buffer(
                    mapped.array, format=self._av_input_format, width=self.width
                )
                frame.pts = self._timestamp(request)
                if keyframe:
                    frame.pict_type = PictureType.I
                for packet in self._stream.encode(frame):
                    self.outputframe(
                        bytes(packet), packet.is_keyframe, timestamp=packet.pts, packet=packet
                    )
            while len(self._request_release_queue) > self._request_release_delay:
                self._request_release_queue.popleft().release()

    return LiveLibavEncoder


def make_output(encoder: Any, emit: Callable[[AccessUnit], None]) -> Any:
    """A picamera2 Output that hands access units to `emit`, and never waits or raises in the
    camera's thread.
    """
    from picamera2.outputs import Output

    class EmittingOutput(Output):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._sets = ParameterSets()

        def outputframe(
            self,
            frame: bytes,
            keyframe: bool = True,
            timestamp: int | None = None,
            packet: Any = None,  # noqa: ARG002 - part of picamera2's interface
            audio: bool = False,
        ) -> None:
            if audio or not self.recording:
                return
            try:
                emit(
                    access_unit(
                        self._sets,
                        bytes(frame),
                        keyframe,
                        timestamp or 0,
                        encoder.firsttimestamp or 0,
                    )
                )
            except Exception:
                # an exception from here ends the camera's thread for good
                logger.exception("a picture was lost between encoder and hub")

    return EmittingOutput()


def access_unit(
    sets: ParameterSets, frame: bytes, keyframe: bool, timestamp: int, first_timestamp: int
) -> AccessUnit:
    """`timestamp` is microseconds since the first picture, `first_timestamp` the sensor's clock
    then (monotonic).
    """
    return AccessUnit(
        data=sets.complete(frame) if keyframe else frame,
        keyframe=keyframe,
        pts=timestamp * VIDEO_CLOCK_RATE // _MICROSECONDS,
        captured_at=(first_timestamp + timestamp) / _MICROSECONDS,
    )


def _iperiod(options: VideoOptions) -> int:
    return round(options.framerate * _SECONDS_BETWEEN_KEYFRAMES)
