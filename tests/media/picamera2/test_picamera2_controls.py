from __future__ import annotations

from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest

from agent.media.base.camera_options import CameraOptions
from agent.media.picamera2.picamera2_controls import (
    camera_controls,
    crop,
    framerate_complaint,
    lores_size,
)


class AfMode(Enum):
    Manual = 0
    Auto = 1
    Continuous = 2


class AfTrigger(Enum):
    Start = 0


class NoiseReduction(Enum):
    Off = 0
    HighQuality = 2


ENUMERATIONS = SimpleNamespace(
    AfModeEnum=AfMode,
    AfTriggerEnum=AfTrigger,
    draft=SimpleNamespace(NoiseReductionModeEnum=NoiseReduction),
)
EVERYTHING: dict[str, Any] = {
    "AfMode": (0, 2, 0),
    "AfTrigger": (0, 1, 0),
    "NoiseReductionMode": (0, 4, 0),
    "ScalerCrop": ((0, 0, 64, 64), (0, 0, 4608, 2592), (576, 0, 3456, 2592)),
    "Brightness": (-1.0, 1.0, 0.0),
    "ColourGains": (0.0, 32.0, None),
    "ExposureTime": (0, 0, 0),
}


def controls(
    known: dict[str, Any] = EVERYTHING, **wanted: Any
) -> tuple[dict[str, Any], tuple[str, ...]]:
    made = camera_controls(CameraOptions(**wanted), known, ENUMERATIONS, (1280, 720))
    return made.values, made.complaints


def test_picamera2_controls_lens_that_can_move_focuses_by_itself_and_another_is_no_fault() -> None:
    assert controls() == ({"AfMode": AfMode.Continuous}, ())
    assert controls({}) == ({}, ())


@pytest.mark.parametrize(
    ("wanted", "made"),
    [
        ({"autofocus": "manual"}, {"AfMode": AfMode.Manual}),
        ({"autofocus": "once"}, {"AfMode": AfMode.Auto, "AfTrigger": AfTrigger.Start}),
        ({"noise_reduction": "high_quality"}, {"NoiseReductionMode": NoiseReduction.HighQuality}),
        ({"region": (0.25, 0.25, 0.5, 0.5)}, {"ScalerCrop": (1152, 648, 2304, 1296)}),
        (
            {"controls": {"Brightness": 0.5, "ColourGains": [1.5, 2]}},
            {"Brightness": 0.5, "ColourGains": (1.5, 2)},
        ),
        ({"controls": {"AfMode": "Manual"}}, {"AfMode": AfMode.Manual}),
        # a camera that does not say its limits
        ({"controls": {"ExposureTime": 9000}}, {"ExposureTime": 9000}),
    ],
)
def test_picamera2_controls_settings_become_controls(
    wanted: dict[str, Any], made: dict[str, Any]
) -> None:
    values, complaints = controls(**wanted)
    assert values == {"AfMode": AfMode.Continuous} | made
    assert complaints == ()


@pytest.mark.parametrize(
    ("known", "wanted", "words"),
    [
        ({}, {"autofocus": "continuous"}, ("camera.autofocus", "AfMode")),
        ({}, {"autofocus": "once"}, ("camera.autofocus", "AfMode")),
        ({}, {"noise_reduction": "off"}, ("camera.noise_reduction", "NoiseReductionMode")),
        ({}, {"region": (0, 0, 1, 1)}, ("camera.region", "ScalerCrop")),
        (
            {},
            {"controls": {"Brightness": 0.5}},
            ("camera.controls.Brightness", "has no Brightness"),
        ),
        (
            EVERYTHING,
            {"controls": {"Brightness": 5}},
            ("camera.controls.Brightness", "-1.0 and 1.0"),
        ),
        (
            EVERYTHING,
            {"controls": {"AfMode": "Sharp"}},
            ("camera.controls.AfMode", "'Sharp'", "Continuous"),
        ),
        (
            EVERYTHING,
            {"controls": {"Brightness": "Much"}},
            ("camera.controls.Brightness", "'Much'"),
        ),
        (EVERYTHING, {"noise_reduction": "minimal"}, ("camera.noise_reduction", "'Minimal'")),
    ],
)
def test_picamera2_controls_what_a_camera_lacks_is_left_out_and_named(
    known: dict[str, Any], wanted: dict[str, Any], words: tuple[str, ...]
) -> None:
    values, complaints = controls(known, **wanted)
    assert values.keys() <= {"AfMode"}
    assert len(complaints) == 1
    for word in words:
        assert word in complaints[0]


@pytest.mark.parametrize(
    ("region", "size", "made"),
    [
        ((0, 0, 1, 1), (1280, 720), (0, 0, 4608, 2592)),
        # a wide sensor loses its sides
        ((0, 0, 1, 1), (640, 480), (576, 0, 3456, 2592)),
        # a tall half keeps its width
        ((0, 0, 0.5, 1), (1280, 720), (0, 648, 2304, 1296)),
    ],
)
def test_picamera2_controls_region_is_narrowed_around_its_middle(
    region: tuple[float, float, float, float],
    size: tuple[int, int],
    made: tuple[int, int, int, int],
) -> None:
    assert crop(region, (0, 0, 4608, 2592), size) == made


@pytest.mark.parametrize(
    ("framerate", "limits", "words"),
    [
        (30.0, (33_333, 33_333, None), None),
        (29.97, (33_333, 33_333, None), None),
        (30.0, (16_971, 200_000, None), None),
        # it does not say
        (30.0, (0, 0, 0), None),
        (60.0, (33_333, 33_333, None), "gives 30 pictures"),
        (60.0, (20_000, 200_000, None), "gives 5 to 50 pictures"),
        (2.0, (20_000, 200_000, None), "video.framerate is 2"),
    ],
)
def test_picamera2_controls_frame_rate_that_the_camera_has_not_is_named(
    framerate: float, limits: tuple[Any, ...], words: str | None
) -> None:
    complaint = framerate_complaint(framerate, {"FrameDurationLimits": limits})
    assert (words or "") in (complaint or "")
    assert (complaint is None) == (words is None)
    assert framerate_complaint(framerate, {}) is None


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((1920, 1080), (640, 360)),
        ((1280, 720), (640, 360)),
        ((320, 240), (320, 240)),
        ((1296, 972), (640, 480)),
    ],
)
def test_picamera2_controls_small_picture_has_the_shape_of_the_large_one(
    size: tuple[int, int], small: tuple[int, int]
) -> None:
    assert lores_size(*size) == small


@pytest.mark.parametrize(
    ("options", "flips"),
    [
        (CameraOptions(), (False, False)),
        (CameraOptions(rotation=180), (True, True)),
        (CameraOptions(rotation=180, hflip=True), (False, True)),
        (CameraOptions(vflip=True), (False, True)),
    ],
)
def test_picamera2_controls_half_a_turn_is_both_flips(
    options: CameraOptions, flips: tuple[bool, bool]
) -> None:
    assert options.flips == flips
