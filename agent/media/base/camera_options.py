"""The settings of the Raspberry Pi's camera, beside size, rate and bitrate."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from agent.options import Real, Section, Whole

Region = tuple[float, float, float, float]
"""left, top, width, height as fractions of the sensor's picture."""


def check_region(
    region: tuple[float, float, float, float] | None,
) -> tuple[float, float, float, float] | None:
    """left, top, width, height: a part of the unit square that is not empty."""
    if region is None:
        return None
    left, top, width, height = region
    # A little more than 1: thirds do not add up to it exactly.
    if min(region) < 0 or min(width, height) < 0.01 or left + width > 1.001 or top + height > 1.001:
        raise ValueError(
            f"{list(region)} is not [left, top, width, height] in fractions of the picture: "
            f"each from 0 to 1, width "
            "and height 0.01 or more, and left + width and top + height at most 1"
        )
    return region


def check_camera_controls(controls: dict[str, Any]) -> dict[str, Any]:
    """Names of libcamera's form, and values that a control can take."""
    for name, value in controls.items():
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]{1,63}", name, re.ASCII):
            raise ValueError(
                f"{name!r} is not the name of a control, such as Brightness or AwbMode"
            )
        items = value if isinstance(value, list) and value else [value]
        kinds = (bool, int, float) if isinstance(value, list) else (bool, int, float, str)
        if not all(isinstance(item, kinds) for item in items):
            raise ValueError(
                f"{name}: {value!r} is not a number, a boolean, a name or a list of numbers"
            )
    return controls


def _none_if_empty_list(value: object) -> object:
    return None if value in ([], (), "") else value


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class CameraOptions(Section):
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

    @property
    def flips(self) -> tuple[bool, bool]:
        """Left to right, and top to bottom: half a turn is both."""
        turned = self.rotation == 180
        return self.hflip != turned, self.vflip != turned
