"""Values are of the kind that libcamera takes, or said not to be."""

from __future__ import annotations

import math
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest

from agent.media.base.camera_options import CameraOptions
from agent.media.picamera2.control_kinds import Kind, control_kinds
from agent.media.picamera2.picamera2_controls import camera_controls


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind("Bool"), True),
        (Kind("Byte"), 3),
        (Kind("Integer32"), -3),
        (Kind("Integer64"), 1 << 40),
        (Kind("Float"), 0.5),
        (Kind("Float"), 1),
        (Kind("String"), "text"),
        (Kind("Float", 2), [1.5, 2]),
        (Kind("Integer64", 2), (33_333, 33_333)),
        (Kind("Integer32", 0), [1, 2, 3]),
        (Kind("Rectangle"), [0, 0, 640, 480]),
        (Kind("Size"), [640, 480]),
        (Kind("SomethingNew"), 1.5),
    ],
)
def test_control_kinds_what_fits(kind: Kind, value: Any) -> None:
    assert kind.misfit(value) is None


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (Kind("Bool"), 1, "1 is not true or false"),
        (Kind("Integer32"), 1.5, "1.5 is not a whole number"),
        (Kind("Integer32"), True, "true is not a whole number"),
        (Kind("Integer32"), [1], "[1] is not a whole number"),
        (Kind("Float"), [0.5, 0.5], "[0.5, 0.5] is not a number"),
        (Kind("Float", 2), 1.5, "1.5 is not a list of 2 values"),
        (Kind("Float", 2), [1.5], "[1.5] is not a list of 2 values"),
        (Kind("Float", 0), 1.5, "1.5 is not a list of values"),
        (Kind("Integer64", 2), (33_333, 0.5), "0.5 in it is not a whole number"),
        (Kind("Rectangle"), [0, 0, 640], "[0, 0, 640] is not a list of 4 values"),
        (Kind("Size"), [640, 0.5], "0.5 in it is not a whole number"),
        (Kind("Rectangle"), [0, -1, -640, 480], "-640 in it is not between 0 and 4294967295"),
        (Kind("Integer32"), 1 << 31, "2147483648 is not between -2147483648 and 2147483647"),
        (Kind("Byte"), 256, "256 is not between 0 and 255"),
        (Kind("Float", 2), [math.nan, 1.0], "nan in it is not a number"),
        (Kind("Float"), math.inf, "inf is not a number"),
    ],
)
def test_control_kinds_what_does_not_is_said(kind: Kind, value: Any, words: str) -> None:
    assert kind.misfit(value) == words


class ControlType(Enum):
    Float = 7
    Integer32 = 5


def identity(name: str, kind: ControlType, **more: Any) -> SimpleNamespace:
    return SimpleNamespace(name=name, type=kind, **more)


def test_control_kinds_kinds_are_read_from_libcameras_controls() -> None:
    assert control_kinds(
        [
            identity("ColourGains", ControlType.Float, isArray=True, size=2),
            identity("AfWindows", ControlType.Integer32, isArray=True, size=(1 << 64) - 1),
            identity("AeEnable", ControlType.Integer32, isArray=False, size=0),
            # of a libcamera that does not tell
            identity("Old", ControlType.Float),
        ]
    ) == {
        "ColourGains": Kind("Float", 2),
        "AfWindows": Kind("Integer32", 0),
        "AeEnable": Kind("Integer32"),
    }


def test_control_kinds_value_of_another_kind_is_left_out_and_the_setting_named() -> None:
    wanted = CameraOptions(controls={"Brightness": [0.5], "Contrast": 1.0})
    known = {"Brightness": (-1.0, 1.0, 0.0), "Contrast": (0.0, 32.0, 1.0)}
    kinds = dict.fromkeys(known, Kind("Float"))
    made = camera_controls(wanted, known, SimpleNamespace(), (1280, 720), kinds)
    assert made.values == {"Contrast": 1.0}
    assert made.complaints == ("camera.controls.Brightness does nothing: [0.5] is not a number",)
