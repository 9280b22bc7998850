"""Our hold on picamera2's encoders, which are not there."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import pytest

from agent.h264.parameter_sets import ParameterSets
from agent.media.picamera2 import picamera2_encoders
from agent.media.picamera2.picamera2_encoders import HardwareControl, SoftwareControl, access_unit
from tests.fakes.video import access_unit as made_unit


def test_access_unit_times_come_from_the_sensor() -> None:
    key = made_unit(0, key=True)
    unit = access_unit(
        ParameterSets(), key.data, keyframe=True, timestamp=33_333, first_timestamp=7_000_000
    )
    assert (unit.pts, unit.captured_at) == (2_999, 7.033333)
    assert unit.data == key.data


def test_access_unit_key_frame_without_parameter_sets_gets_them() -> None:
    sets = ParameterSets()
    first = access_unit(
        sets, made_unit(0, key=True).data, keyframe=True, timestamp=0, first_timestamp=0
    )
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


def test_hardware_control_sets_the_bitrate_of_the_running_encoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ioctl = Ioctl()
    monkeypatch.setattr(picamera2_encoders, "fcntl", SimpleNamespace(ioctl=ioctl))
    encoder = SimpleNamespace(vd=object(), bitrate=0)
    control = HardwareControl(encoder)
    # the latest counts, and one control a frame is all that the device hears
    for storm in (9, 8, 1_000_000):
        control.set_bitrate(storm)
    control.before_frame()
    control.before_frame()
    control.set_bitrate(1)
    control.before_frame()
    # struct v4l2_control: V4L2_CID_MPEG_VIDEO_BITRATE, value. Below 150 kbit/s the firmware may
    # hang.
    assert ioctl.calls == [
        (0xC008561C, bytes.fromhex("cf099900 40420f00")),
        (0xC008561C, bytes.fromhex("cf099900 f0490200")),
    ]
    assert encoder.bitrate == 150_000


@pytest.mark.parametrize(
    "encoder", [SimpleNamespace(vd=object(), bitrate=7), SimpleNamespace(bitrate=7)]
)
def test_hardware_control_keeps_the_old_bitrate_where_the_encoder_refuses(
    monkeypatch: pytest.MonkeyPatch, encoder: Any
) -> None:
    monkeypatch.setattr(
        picamera2_encoders, "fcntl", SimpleNamespace(ioctl=Ioctl(OSError(22, "Invalid argument")))
    )
    control = HardwareControl(encoder)
    control.set_bitrate(1_000_000)
    control.before_frame()
    assert encoder.bitrate == 7


def test_hardware_control_storm_of_requests_is_one_key_frame() -> None:
    forced: list[str] = []
    control = HardwareControl(SimpleNamespace(force_key_frame=lambda: forced.append("now")))
    for _ in range(200):
        control.request_keyframe()
    assert forced == []
    control.before_frame()
    control.before_frame()
    assert forced == ["now"]


def test_software_control_hands_over_what_was_asked_for_once() -> None:
    control, context = SoftwareControl(800_000), SimpleNamespace(bit_rate=0)
    assert not control.before_frame(context, 2_000_000)
    assert context.bit_rate == 800_000
    for bitrate in (1, 9_000_000):
        control.set_bitrate(bitrate)
    control.request_keyframe()
    control.request_keyframe()
    assert control.before_frame(context, 2_000_000)
    assert context.bit_rate == 2_000_000
    context.bit_rate = 5
    assert not control.before_frame(context, 2_000_000)
    assert context.bit_rate == 5


def test_software_control_divides_by_skipping_frames() -> None:
    control = SoftwareControl(800_000)
    control.divide_framerate(3)
    assert control.frame_skip_count == 3
