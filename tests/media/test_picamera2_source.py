"""What can be tried of the Pi's camera on any machine. The camera, picamera2 and the firmware are not there."""

from __future__ import annotations

import ctypes
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from agent.errors import MediaUnavailable
from agent.media import picamera2_encoders, picamera2_source
from agent.media.h264 import ParameterSets
from agent.media.hub import VideoHub
from agent.media.picamera2_encoders import HardwareControl, access_unit
from agent.media.picamera2_source import Picamera2Source
from agent.media.source import VideoOptions
from agent.ports import AccessUnit
from tests.fakes.video import access_unit as made_unit

OPTIONS = VideoOptions()


def test_times_come_from_the_sensor() -> None:
    key = made_unit(0, key=True)
    unit = access_unit(ParameterSets(), key.data, keyframe=True, timestamp=33_333, first_timestamp=7_000_000)
    assert (unit.pts, unit.captured_at) == (2_999, 7.033333)
    assert unit.data == key.data


def test_a_key_frame_without_parameter_sets_gets_them() -> None:
    sets = ParameterSets()
    first = access_unit(sets, made_unit(0, key=True).data, keyframe=True, timestamp=0, first_timestamp=0)
    bare = first.data[first.data.index(b"\x65") - 4 :]
    assert access_unit(sets, bare, keyframe=True, timestamp=1, first_timestamp=0).data == first.data


class Ioctl:
    """Takes what would go to the encoder's device file."""

    def __init__(self, failure: OSError | None = None) -> None:
        self.calls: list[tuple[int, bytes]] = []
        self._failure = failure

    def __call__(self, device: object, request: int, argument: ctypes.Structure) -> int:
        if self._failure is not None:
            raise self._failure
        self.calls.append((request, bytes(argument)))
        return 0


def test_a_bitrate_is_a_control_of_the_running_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    ioctl = Ioctl()
    monkeypatch.setattr(picamera2_encoders, "fcntl", SimpleNamespace(ioctl=ioctl))
    encoder = SimpleNamespace(vd=object(), bitrate=0)
    HardwareControl(encoder).set_bitrate(1_000_000)
    HardwareControl(encoder).set_bitrate(1)
    # struct v4l2_control: V4L2_CID_MPEG_VIDEO_BITRATE, value. Below 150 kbit/s the firmware may hang.
    assert ioctl.calls == [
        (0xC008561C, bytes.fromhex("cf099900 40420f00")),
        (0xC008561C, bytes.fromhex("cf099900 f0490200")),
    ]
    assert encoder.bitrate == 150_000


@pytest.mark.parametrize("encoder", [SimpleNamespace(vd=object(), bitrate=7), SimpleNamespace(bitrate=7)])
def test_an_encoder_that_refuses_a_bitrate_keeps_the_old_one(monkeypatch: pytest.MonkeyPatch, encoder: Any) -> None:
    monkeypatch.setattr(picamera2_encoders, "fcntl", SimpleNamespace(ioctl=Ioctl(OSError(22, "Invalid argument"))))
    HardwareControl(encoder).set_bitrate(1_000_000)
    assert encoder.bitrate == 7


class FakeCamera:
    """A `Picamera2` for one test: gives the size it likes, and sends what its encoder is told to."""

    camera_properties = {"Model": "imx708"}  # noqa: RUF012

    def __init__(self, size: tuple[int, int] = (1280, 720), broken: Exception | None = None) -> None:
        self.calls: list[str] = []
        self._size = size
        self._broken = broken

    def __call__(self) -> FakeCamera:
        if self._broken is not None:
            raise self._broken
        return self

    def create_video_configuration(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    def configure(self, wanted: dict[str, Any]) -> None:
        self.calls.append("configure")

    def camera_configuration(self) -> dict[str, Any]:
        return {"main": {"size": self._size}}

    def start_encoder(self, encoder: Any, output: Any, name: str) -> None:
        self.calls.append(f"start_encoder {name}")

    def start(self) -> None:
        self.calls.append("start")

    def stop_encoder(self) -> None:
        self.calls.append("stop_encoder")
        raise RuntimeError("the encoder was broken already")

    def stop(self) -> None:
        self.calls.append("stop")

    def close(self) -> None:
        self.calls.append("close")


class FakeControl:
    def __init__(self) -> None:
        self.asked: list[object] = []

    def request_keyframe(self) -> None:
        self.asked.append("key frame")

    def set_bitrate(self, bitrate: int) -> None:
        self.asked.append(bitrate)


def install(monkeypatch: pytest.MonkeyPatch, camera: FakeCamera, first: AccessUnit | None) -> FakeControl:
    control = FakeControl()

    def open_encoder(options: VideoOptions, emit: Any) -> tuple[object, object, FakeControl]:
        if first is not None:
            emit(first)
        return object(), object(), control

    monkeypatch.setattr(picamera2_source, "_import_picamera2", lambda: camera)
    monkeypatch.setattr(picamera2_source, "_is_pi5", lambda: False)
    monkeypatch.setattr(picamera2_source, "open_hardware_encoder", open_encoder)
    monkeypatch.setattr(picamera2_source, "_FIRST_UNIT_TIMEOUT", 0.01)
    return control


async def test_it_opens_for_the_first_and_closes_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = FakeCamera()
    control = install(monkeypatch, camera, made_unit(0, key=True))
    source = Picamera2Source(OPTIONS)
    hub = VideoHub(source, OPTIONS)
    subscription = await hub.subscribe()
    assert subscription.format.profile_level_id == "42c01f"
    assert (source.describe().camera, source.describe().encoder) == ("imx708", "V4L2 H.264")
    assert (await subscription.next()).keyframe
    subscription.request_keyframe()
    subscription.request_bitrate(500_000)
    assert control.asked == ["key frame", 500_000]
    await hub.close()
    # A step that fails does not keep the camera open.
    assert camera.calls == ["configure", "start_encoder main", "start", "stop_encoder", "stop", "close"]


@pytest.mark.parametrize(
    ("camera", "first", "reason"),
    [
        (FakeCamera(size=(640, 480)), made_unit(0, key=True), "gives 640x480 instead of 1280x720"),
        (FakeCamera(), None, "no picture came"),
        (FakeCamera(broken=IndexError("list index out of range")), None, "ribbon cable"),
        (FakeCamera(broken=RuntimeError("Device or resource busy")), None, "another program uses it"),
        (FakeCamera(broken=OSError("what is this")), None, "what is this"),
    ],
)
async def test_a_camera_that_cannot_be_used_is_unavailable_and_closed(
    monkeypatch: pytest.MonkeyPatch, camera: FakeCamera, first: AccessUnit | None, reason: str
) -> None:
    install(monkeypatch, camera, first)
    hub = VideoHub(Picamera2Source(OPTIONS), OPTIONS)
    with pytest.raises(MediaUnavailable, match=reason):
        await hub.subscribe()
    await hub.close()
    assert camera.calls == [] or camera.calls[-1] == "close"


async def test_without_picamera2_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    hub = VideoHub(Picamera2Source(OPTIONS), OPTIONS)
    with pytest.raises(MediaUnavailable, match="python3-picamera2"):
        await hub.subscribe()
    await hub.close()
