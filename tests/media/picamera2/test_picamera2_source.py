"""What can be tried of the Pi's camera on any machine. The camera, picamera2 and the firmware are
not there.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from agent.core.rate.encoder_demand import EncoderDemand
from agent.errors import MediaUnavailable
from agent.media.base.camera_options import CameraOptions
from agent.media.base.video_source import VideoOptions
from agent.media.picamera2 import picamera2_source
from agent.media.picamera2.picamera2_source import Picamera2Source
from agent.media.video_hub import VideoHub
from agent.ports import AccessUnit
from tests.fakes.video import access_unit as made_unit
from tests.waiting import PATIENCE

OPTIONS = VideoOptions()


class FakeCamera:
    """A `Picamera2` for one test: gives the size it likes, and sends what its encoder is told
    to.
    """

    camera_properties = {"Model": "imx708"}  # noqa: RUF012
    camera_controls = {"AfMode": (0, 2, 0)}  # noqa: RUF012
    # of a libcamera that does not tell kinds
    camera = SimpleNamespace(controls=())

    def __init__(
        self,
        size: tuple[int, int] = (1280, 720),
        broken: Exception | None = None,
        *,
        streams: int = 2,
        turns: bool = True,
        pixel_format: str = "YUV420",
    ) -> None:
        self.calls: list[str] = []
        self.controls: dict[str, Any] = {}
        self._configuration: dict[str, Any] = {}
        self._streams = streams
        self._turns = turns
        self._pixel_format = pixel_format
        self._size = size
        self._broken = broken

    def __call__(self, number: int) -> FakeCamera:
        self.number = number
        if self._broken is not None:
            raise self._broken
        return self

    def create_video_configuration(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    def configure(self, wanted: dict[str, Any]) -> None:
        self.calls.append("configure" + (" with lores" if wanted["lores"] else ""))
        if wanted["lores"] and self._streams == 1:
            raise RuntimeError("Invalid camera configuration")
        given = {"size": self._size, "format": self._pixel_format}
        upright = SimpleNamespace(hflip=0, vflip=0)
        self._configuration = {
            **wanted,
            "main": given,
            "transform": wanted["transform"] if self._turns else upright,
        }

    def camera_configuration(self) -> dict[str, Any]:
        return self._configuration

    def set_controls(self, controls: dict[str, Any]) -> None:
        self.controls = controls

    def capture_array(self, name: str, wait: float) -> Any:
        self.calls.append(f"capture {name}")
        raise TimeoutError

    def start_encoder(self, encoder: Any, output: Any, name: str) -> None:
        self.calls.append(f"start_encoder {name}")

    def start(self) -> None:
        self.calls.append("start")

    def stop_encoder(self) -> None:
        self.calls.append("stop_encoder")
        raise RuntimeError("the encoder was broken already")

    def close(self) -> None:
        self.calls.append("close")


class FakeControl:
    def __init__(self) -> None:
        self.asked: list[object] = []

    def request_keyframe(self) -> None:
        self.asked.append("key frame")

    def set_bitrate(self, bitrate: int) -> None:
        self.asked.append(bitrate)

    def divide_framerate(self, divisor: int) -> None:
        self.asked.append(f"1/{divisor}")


class AfMode(Enum):
    Manual = 0
    Auto = 1
    Continuous = 2


def install(
    monkeypatch: pytest.MonkeyPatch, camera: FakeCamera, first: AccessUnit | None
) -> FakeControl:
    control = FakeControl()

    def open_encoder(options: VideoOptions, emit: Any) -> tuple[object, object, FakeControl]:
        if first is not None:
            emit(first)
        return object(), object(), control

    monkeypatch.setattr(picamera2_source, "_import_picamera2", lambda: camera)
    monkeypatch.setattr(picamera2_source, "has_hardware_encoder", lambda: True)
    libcamera = ModuleType("libcamera")
    vars(libcamera).update(Transform=SimpleNamespace, controls=SimpleNamespace(AfModeEnum=AfMode))
    monkeypatch.setitem(sys.modules, "libcamera", libcamera)
    monkeypatch.setattr(picamera2_source, "open_hardware_encoder", open_encoder)
    monkeypatch.setattr(picamera2_source, "_FIRST_UNIT_TIMEOUT", 0.01)
    return control


async def test_picamera2_source_opens_for_the_first_and_closes_after_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    camera = FakeCamera()
    control = install(monkeypatch, camera, made_unit(0, key=True))
    source = Picamera2Source(OPTIONS)
    hub = VideoHub(source, OPTIONS)
    subscription = await hub.subscribe()
    assert (subscription.format.profile_level_id, source.format.profile_level_id) == (
        "42e01f",
        "42c01f",
    )
    assert (source.describe().camera, source.describe().encoder) == ("imx708", "V4L2 H.264")
    assert (await subscription.next()).keyframe
    subscription.request_keyframe()
    subscription.set_demand(EncoderDemand(500_000))
    assert control.asked == ["key frame", 500_000]
    await hub.close()
    # A step that fails does not keep the camera open.
    opened = ["configure with lores", "start_encoder main", "start"]
    assert camera.calls == [*opened, "stop_encoder", "close"]
    assert (camera.number, camera.controls) == (0, {"AfMode": AfMode.Continuous})


async def test_picamera2_source_what_a_camera_cannot_do_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    camera = FakeCamera(streams=1, turns=False)
    install(monkeypatch, camera, made_unit(0, key=True))
    wanted = CameraOptions(
        number=1, rotation=180, region=(0, 0, 0.5, 0.5), controls={"Brightness": 0.5}
    )
    options = VideoOptions(camera=wanted)
    hub = VideoHub(Picamera2Source(options), options)
    await hub.subscribe()
    assert camera.number == 1
    assert camera.calls[:2] == ["configure with lores", "configure"]
    for words in ("camera.rotation", "camera.region", "camera.controls.Brightness"):
        assert any(words in record.message for record in caplog.records), words
    await hub.close()


async def test_picamera2_source_still_picture_that_does_not_come_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    camera = FakeCamera()
    install(monkeypatch, camera, made_unit(0, key=True))
    hub = VideoHub(Picamera2Source(OPTIONS), OPTIONS)
    with pytest.raises(MediaUnavailable, match="no still picture: TimeoutError"):
        await hub.snapshot(9999)
    assert "capture lores" in camera.calls
    await hub.close()


async def test_picamera2_source_camera_that_opens_when_nobody_waits_any_more_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would stay powered, and be busy for whoever comes next."""
    starting, woken, closed = threading.Event(), threading.Event(), threading.Event()

    class SlowCamera(FakeCamera):
        def start(self) -> None:
            starting.set()
            woken.wait(30)
            super().start()

        def close(self) -> None:
            super().close()
            closed.set()

    camera = SlowCamera()
    install(monkeypatch, camera, made_unit(0, key=True))
    monkeypatch.setattr(picamera2_source, "_CLOSE_TIMEOUT", 0.01)
    source = Picamera2Source(OPTIONS)
    start = asyncio.create_task(source.start(lambda unit: None, lambda error: None))
    assert await asyncio.to_thread(starting.wait, PATIENCE)
    start.cancel()
    await source.stop()
    woken.set()
    assert await asyncio.to_thread(closed.wait, PATIENCE)


@pytest.mark.parametrize(
    ("camera", "first", "reason"),
    [
        (FakeCamera(size=(640, 480)), made_unit(0, key=True), "gives 640x480 instead of 1280x720"),
        (FakeCamera(), None, "no picture came"),
        (FakeCamera(pixel_format="MJPEG"), None, "MJPEG"),
        (FakeCamera(broken=IndexError("list index out of range")), None, "ribbon cable"),
        (
            FakeCamera(broken=RuntimeError("Device or resource busy")),
            None,
            "another program uses it",
        ),
        (FakeCamera(broken=OSError("what is this")), None, "what is this"),
    ],
)
async def test_picamera2_source_camera_that_cannot_be_used_is_unavailable_and_closed(
    monkeypatch: pytest.MonkeyPatch, camera: FakeCamera, first: AccessUnit | None, reason: str
) -> None:
    install(monkeypatch, camera, first)
    hub = VideoHub(Picamera2Source(OPTIONS), OPTIONS)
    with pytest.raises(MediaUnavailable, match=reason):
        await hub.subscribe()
    await hub.close()
    assert camera.calls == [] or camera.calls[-1] == "close"


async def test_picamera2_source_without_picamera2_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    hub = VideoHub(Picamera2Source(OPTIONS), OPTIONS)
    with pytest.raises(MediaUnavailable, match="python3-picamera2"):
        await hub.subscribe()
    await hub.close()
