"""The `[camera]` settings as controls of libcamera: those that a camera has, and a complaint for
each that it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from agent.media.base.camera_options import CameraOptions, Region
from agent.media.picamera2.control_kinds import Kind

_LORES_WIDTH = 640
_AF_MODES = {
    "default": "Continuous",
    "continuous": "Continuous",
    "once": "Auto",
    "manual": "Manual",
}

Rectangle = tuple[int, int, int, int]
"""left, top, width, height in pixels of the sensor."""


@dataclass(frozen=True, slots=True)
class Controls:
    """`values` by control, for `Picamera2.set_controls`; `complaints` are sentences for the log."""

    values: dict[str, Any]
    complaints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _ControlRequest:
    setting: str
    control: str
    value_of: Callable[[], Any]
    """Asked only where the camera has the control. Raises ValueError with the complaint."""


def camera_controls(
    options: CameraOptions,
    known: Mapping[str, Any],
    enumerations: Any,
    size: tuple[int, int],
    kinds: Mapping[str, Kind] = MappingProxyType({}),
) -> Controls:
    """`known` is the camera's own list, with (least, most, default) each; `enumerations` is
    `libcamera.controls`.

    `size` is that of the video in pixels: a region is narrowed to its shape, as it would be
    squeezed otherwise. `kinds` are those of the camera's controls, as far as known.
    """
    values: dict[str, Any] = {}
    complaints: list[str] = []
    for wish in _wishes(options, known, enumerations, size, kinds):
        if wish.control not in known:
            complaints.append(
                f"camera.{wish.setting} does nothing: this camera has no {wish.control}"
            )
            continue
        try:
            values[wish.control] = wish.value_of()
        except ValueError as error:
            complaints.append(f"camera.{wish.setting} does nothing: {error}")
    return Controls(values, tuple(complaints))


def crop(region: Region, whole: tuple[int, ...], size: tuple[int, int]) -> Rectangle:
    """`region` of the sensor's `whole` rectangle, narrowed around its middle to the shape of
    `size`; even numbers.
    """
    left, top, whole_width, whole_height = whole
    x, y = left + region[0] * whole_width, top + region[1] * whole_height
    width, height = region[2] * whole_width, region[3] * whole_height
    shape = size[0] / size[1]
    narrowed, lowered = min(width, height * shape), min(height, width / shape)
    return (
        _even(x + (width - narrowed) / 2),
        _even(y + (height - lowered) / 2),
        _even(narrowed),
        _even(lowered),
    )


def lores_size(width: int, height: int) -> tuple[int, int]:
    """The small picture beside the video, in pixels: at most 640 wide, of the video's shape, never
    larger than it.
    """
    if width <= _LORES_WIDTH:
        return width, height
    return _LORES_WIDTH, _even(height * _LORES_WIDTH / width)


def framerate_complaint(framerate: float, known: Mapping[str, Any]) -> str | None:
    """A sentence for the log where the camera cannot be so quick or so slow at this size."""
    shortest, longest = known.get("FrameDurationLimits", (0, 0))[:2]  # microseconds
    if (
        not shortest
        or not longest
        or (shortest <= 1.01e6 / framerate and 0.99e6 / framerate <= longest)
    ):
        return None
    least, most = 1e6 / longest, 1e6 / shortest
    has = (
        f"{most:.4g} pictures"
        if f"{least:.4g}" == f"{most:.4g}"
        else f"{least:.3g} to {most:.4g} pictures"
    )
    return f"video.framerate is {framerate:g}, but this camera gives {has} a second at this size"


def _wishes(
    options: CameraOptions,
    known: Mapping[str, Any],
    enumerations: Any,
    size: tuple[int, int],
    kinds: Mapping[str, Kind],
) -> Iterator[_ControlRequest]:
    named = partial(_value_named, enumerations)
    # most lenses cannot move, which is no fault
    if options.autofocus != "default" or "AfMode" in known:
        yield _ControlRequest(
            "autofocus", "AfMode", partial(named, "AfMode", _AF_MODES[options.autofocus])
        )
    if options.autofocus == "once" and "AfMode" in known:
        yield _ControlRequest("autofocus", "AfTrigger", partial(named, "AfTrigger", "Start"))
    if options.noise_reduction != "default":
        name = "".join(part.capitalize() for part in options.noise_reduction.split("_"))
        yield _ControlRequest(
            "noise_reduction", "NoiseReductionMode", partial(named, "NoiseReductionMode", name)
        )
    if options.region is not None:
        region = options.region
        yield _ControlRequest(
            "region", "ScalerCrop", lambda: crop(region, tuple(known["ScalerCrop"][1]), size)
        )
    for control, value in options.controls.items():
        checked = partial(_checked, value, known, kinds, control)
        yield _ControlRequest(
            f"controls.{control}",
            control,
            partial(named, control, value) if isinstance(value, str) else checked,
        )


def _checked(value: Any, known: Mapping[str, Any], kinds: Mapping[str, Kind], control: str) -> Any:
    misfit = kinds[control].misfit(value) if control in kinds else None
    if misfit is not None:
        raise ValueError(misfit)
    least, most = known[control][:2]
    plain = all(isinstance(each, int | float) for each in (value, least, most))
    if plain and least < most and not least <= value <= most:
        raise ValueError(f"{value} is not between {least} and {most}")
    return tuple(value) if isinstance(value, list) else value


def _value_named(enumerations: Any, control: str, name: str) -> Any:
    """The value called `name` of a control's enumeration; some are still among libcamera's
    drafts.
    """
    for place in (enumerations, getattr(enumerations, "draft", None)):
        values = getattr(place, f"{control}Enum", None)
        if values is None:
            continue
        if name in values.__members__:
            return values.__members__[name]
        raise ValueError(f"{name!r} is not one of {', '.join(values.__members__)}")
    raise ValueError(f"{control} is not set by name ({name!r})")


def _even(number: float) -> int:
    return int(number) // 2 * 2
