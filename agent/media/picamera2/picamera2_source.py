"""The Raspberry Pi's camera through picamera2: hardware H.264 on a Pi 4 and older, libx264 on a Pi
5.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av

from agent.errors import MediaError, MediaUnavailable
from agent.h264.parameter_sets import sequence_parameters
from agent.media.base.video_source import Fail, SourceDescription, VideoOptions
from agent.media.picamera2.control_kinds import control_kinds
from agent.media.picamera2.picamera2_controls import (
    camera_controls,
    framerate_complaint,
    lores_size,
)
from agent.media.picamera2.picamera2_encoders import (
    EncoderControl,
    open_hardware_encoder,
    open_software_encoder,
)
from agent.ports import AccessUnit, VideoFormat
from agent.threads import call_in_thread

logger = logging.getLogger(__name__)

_BUFFERS = 4
"""Camera buffers: picamera2's default of 6 costs a Zero 2 W memory and wins nothing."""
_CLOSE_TIMEOUT = 5.0
_FIRST_UNIT_TIMEOUT = 4.0
_STILL_TIMEOUT = 2.0
_HARDWARE_ENCODER = Path("/dev/video11")
_PIXEL_FORMATS = {"YUV420": "yuv420p", "NV12": "nv12"}
"""FFmpeg's names for those of libcamera that both encoders take; a Pi gives the first."""


def camera_models() -> list[str]:
    """The cameras that libcamera sees. Raises MediaUnavailable where picamera2 cannot be
    imported.
    """
    cameras = _import_picamera2().global_camera_info()
    return [str(camera.get("Model", "camera")) for camera in cameras]


class Picamera2Source:
    """A `VideoSource`. `start()` opens the camera and `stop()` gives it back, each in a thread, as
    both block.
    """

    def __init__(self, options: VideoOptions) -> None:
        self._options = options
        self._opening: asyncio.Task[None] | None = None
        self._abandoned = threading.Event()
        self._camera: Any = None
        self._control: EncoderControl | None = None
        self._still_stream = ""
        self._format = options.format
        self._first_unit = threading.Event()
        self._description = SourceDescription(camera="picamera2", encoder="H.264")

    @property
    def format(self) -> VideoFormat:
        return self._format

    def describe(self) -> SourceDescription:
        """The sensor's name is known from the first start on."""
        return self._description

    async def start(self, emit: Callable[[AccessUnit], None], fail: Fail) -> None:  # noqa: ARG002 - picamera2 tells of no failure; the hub sees the silence
        self._abandoned = abandoned = threading.Event()
        opening = call_in_thread("camera open", lambda: self._open(emit, abandoned))
        self._opening = asyncio.create_task(opening, name="camera-open")
        await asyncio.shield(self._opening)

    async def stop(self) -> None:
        opening, self._opening = self._opening, None
        self._abandoned.set()
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                if opening is not None:
                    await asyncio.wait({opening})
                await call_in_thread("camera close", self._close)
        except TimeoutError:
            logger.warning("the camera did not close within %.0f s", _CLOSE_TIMEOUT)

    def request_keyframe(self) -> None:
        if self._control is not None:
            self._control.request_keyframe()

    def set_bitrate(self, bitrate: int) -> None:
        if self._control is not None:
            self._control.set_bitrate(bitrate)

    def divide_framerate(self, divisor: int) -> None:
        if self._control is not None:
            self._control.divide_framerate(divisor)

    def take_still(self) -> av.VideoFrame | None:
        """From the low-resolution stream, which the camera fills beside the video."""
        camera = self._camera
        if camera is None or not self._still_stream:
            return None
        try:
            stream = camera.camera_configuration()[self._still_stream]
            picture = camera.capture_array(self._still_stream, wait=_STILL_TIMEOUT)
            return av.VideoFrame.from_numpy_buffer(
                picture, format=_PIXEL_FORMATS[stream["format"]], width=stream["size"][0]
            )
        except Exception as error:
            # as in _open; TimeoutError where the camera has fallen silent
            raise MediaUnavailable(
                f"the camera gives no still picture: {str(error) or type(error).__name__}"
            ) from error

    def _open(self, emit: Callable[[AccessUnit], None], abandoned: threading.Event) -> None:
        picamera2 = _import_picamera2()
        try:
            self._camera = picamera2(self._options.camera.number)
            self._configure()
            self._set_controls()
            self._control = self._start_encoder(self._learning_format(emit))
            self._camera.start()
            self._wait_for_first_unit()
        except MediaError:
            self._close()
            raise
        except Exception as error:
            # picamera2 raises RuntimeError, IndexError, OSError and more: all mean "no camera"
            self._close()
            raise MediaUnavailable(f"the camera cannot be opened: {_advice(error)}") from error
        # `stop` has waited for this, perhaps not long enough: nothing else would close it
        if abandoned.is_set():
            self._close()

    def _configure(self) -> None:
        wanted = self._options
        self._still_stream = "lores"
        try:
            self._configure_streams(
                lores={"size": lores_size(wanted.width, wanted.height), "format": "YUV420"}
            )
        except Exception as error:  # noqa: BLE001 - a webcam behind libcamera has but one stream
            logger.debug("no low-resolution stream beside the video: %s", error)
            self._still_stream = "main"
            self._configure_streams(lores=None)
        main = self._camera.camera_configuration()["main"]
        if main["format"] not in _PIXEL_FORMATS:
            raise MediaUnavailable(
                f"the camera gives pictures as {main['format']}, which cannot be encoded as "
                f"they are"
            )
        size = tuple(main["size"])
        if size != (wanted.width, wanted.height):
            raise MediaUnavailable(
                f"the camera gives {size[0]}x{size[1]} instead of "
                f"{wanted.width}x{wanted.height}; set video.width and "
                "video.height to a size that it has"
            )

    def _configure_streams(self, lores: dict[str, Any] | None) -> None:
        from libcamera import Transform

        wanted = self._options
        duration = round(1_000_000 / wanted.framerate)
        hflip, vflip = wanted.camera.flips
        camera = self._camera
        camera.configure(
            camera.create_video_configuration(
                main={"size": (wanted.width, wanted.height), "format": "YUV420"},
                lores=lores,
                transform=Transform(hflip=hflip, vflip=vflip),
                controls={"FrameDurationLimits": (duration, duration)},
                buffer_count=_BUFFERS,
            )
        )
        given = camera.camera_configuration()["transform"]
        if (bool(given.hflip), bool(given.vflip)) != (hflip, vflip):
            logger.warning(
                "camera.rotation, hflip and vflip do nothing: this camera cannot turn its picture"
            )

    def _set_controls(self) -> None:
        import libcamera

        wanted = self._options
        size = (wanted.width, wanted.height)
        camera = self._camera
        kinds = control_kinds(camera.camera.controls)
        controls = camera_controls(
            wanted.camera, camera.camera_controls, libcamera.controls, size, kinds
        )
        slow = framerate_complaint(wanted.framerate, camera.camera_controls)
        for complaint in (*controls.complaints, *([slow] if slow else [])):
            logger.warning("%s", complaint)
        camera.set_controls(controls.values)

    def _start_encoder(self, emit: Callable[[AccessUnit], None]) -> EncoderControl:
        software = not has_hardware_encoder()
        opened = open_software_encoder if software else open_hardware_encoder
        encoder, output, control = opened(self._options, emit)
        self._camera.start_encoder(encoder, output, name="main")
        model = str(self._camera.camera_properties.get("Model", "camera"))
        self._description = SourceDescription(
            camera=model, encoder="libx264" if software else "V4L2 H.264"
        )
        return control

    def _learning_format(self, emit: Callable[[AccessUnit], None]) -> Callable[[AccessUnit], None]:
        """`emit`, and the format from the first unit: the firmware decides on profile and level by
        itself.
        """
        self._first_unit.clear()

        def look_and_emit(unit: AccessUnit) -> None:
            if not self._first_unit.is_set():
                found = sequence_parameters(unit.data)
                if found is not None:
                    framerate = self._options.framerate
                    self._format = VideoFormat(
                        found.width, found.height, framerate, found.profile_level_id
                    )
                self._first_unit.set()
            emit(unit)

        return look_and_emit

    def _wait_for_first_unit(self) -> None:
        if not self._first_unit.wait(_FIRST_UNIT_TIMEOUT):
            raise MediaUnavailable(
                f"the camera was opened, but no picture came within {_FIRST_UNIT_TIMEOUT:.0f} "
                f"s; check its ribbon cable"
            )

    def _close(self) -> None:
        camera, self._camera = self._camera, None
        self._control = None
        if camera is None:
            return
        # Not stop(): it waits for picamera2's thread, for good where that has died. close() ends
        # the thread first.
        for step in (camera.stop_encoder, camera.close):
            try:
                step()
            except Exception:
                # each step stands alone: a broken encoder must not keep the sensor powered
                logger.exception("closing the camera: %s failed", step.__name__)


def _import_picamera2() -> Any:
    try:
        from picamera2 import Picamera2
    except Exception as error:
        # libcamera's binding fails in its own ways where it does not fit the interpreter
        raise MediaUnavailable(
            f"picamera2 cannot be used: {error}; install python3-picamera2 with apt, or set "
            f"another video.source"
        ) from error
    return Picamera2


def has_hardware_encoder() -> bool:
    """A Pi 4 and older has one; a Pi 5 and a PC have not."""
    from picamera2.platform import Platform, get_platform

    return bool(get_platform() == Platform.VC4) and _HARDWARE_ENCODER.exists()


def _advice(error: Exception) -> str:
    cause = str(error.__cause__ or error)
    if "busy" in cause.lower():
        return f"{cause}; another program uses it (rpicam-hello, motion, a second callbox?)"
    if "No camera" in cause or isinstance(error, IndexError):
        return (
            f"{cause}; check camera.number, the ribbon cable, and that `rpicam-hello "
            f"--list-cameras` shows it"
        )
    return cause or type(error).__name__
