"""The settings of the Raspberry Pi's camera."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from agent.settings.base import Real, Section, Whole
from agent.settings.forms import check_camera_controls, check_region


def _none_if_empty_list(value: object) -> object:
    return None if value in ([], (), "") else value


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class CameraSettings(Section):
    """The Raspberry Pi's camera (picamera2). What a camera does not know is left out, and named in
    the log.
    """

    number: Whole = Field(
        default=0,
        ge=0,
        le=15,
        description="Which camera, as `rpicam-hello --list-cameras` counts them.",
    )
    hflip: bool = Field(default=False, description="Mirror the picture left to right.")
    vflip: bool = Field(
        default=False, description="Turn the picture upside down, without turning left and right."
    )
    rotation: Annotated[Literal[0, 180], BeforeValidator(_number)] = Field(
        default=0,
        description="Degrees: 0, or 180 for a camera that hangs head down. Other angles cost "
        "too much.",
    )
    autofocus: Literal["default", "continuous", "once", "manual"] = Field(
        default="default",
        description="default (continuous where the lens can move), continuous, once (as the "
        "camera starts), manual "
        "(where LensPosition of `controls` puts it).",
    )
    noise_reduction: Literal["default", "off", "minimal", "fast", "high_quality"] = Field(
        default="default",
        description="default (fast, made for video), off, minimal, fast, high_quality (may "
        "lower the frame rate).",
    )
    region: Annotated[
        tuple[Real, Real, Real, Real] | None,
        BeforeValidator(_none_if_empty_list),
        AfterValidator(check_region),
    ] = Field(
        default=None,
        description="The part of the sensor's picture to show, as fractions of it: [left, top, "
        "width, height]. "
        "[0.25, 0.25, 0.5, 0.5] is its middle, twice as large. All of it unless given.",
    )
    controls: Annotated[dict[str, Any], AfterValidator(check_camera_controls)] = Field(
        default={},
        description="Further controls of libcamera by name: numbers, booleans, lists of "
        "numbers, and the names of its "
        'enumerations, such as {Brightness = 0.1, AwbMode = "Indoor", LensPosition = 2.0}.',
    )
