"""The outputs of a device: a door release, lights, a chime, a siren."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from agent.options import Duration, OptionalSecret, Section, Whole, conflict, none_if_empty

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CODE = re.compile(r"[0-9]{4,8}", re.ASCII)
# seconds
LONGEST_CHIME = 3.0
LONGEST_DOOR = 60.0


class OutputKind(StrEnum):
    """What an output is for."""

    DOOR = "door"
    """Released for a moment, for whom the policy lets."""
    LIGHT = "light"
    CAMERA_LIGHT = "camera_light"
    """On exactly while camera or microphone is open."""
    CHIME = "chime"
    SIREN = "siren"

    @property
    def pulses(self) -> bool:
        """Whether it goes off by itself."""
        return self in _PULSES


# seconds: how long it is on, and the most
_PULSES = {
    OutputKind.DOOR: (3.0, 5.0),
    OutputKind.CHIME: (0.5, LONGEST_CHIME),
    OutputKind.SIREN: (3.0, 5.0),
}


def output_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name of a-z, 0-9 and '_', the first a letter")
    return name


def _code_form(code: SecretStr | None) -> SecretStr | None:
    if code is not None and not _CODE.fullmatch(code.get_secret_value()):
        raise ValueError("a code has 4 to 8 digits")
    return code


Pin = Annotated[Whole, Field(ge=0, le=511)]
OptionalDuration = Annotated[Duration | None, BeforeValidator(none_if_empty)]


class OutputSettings(Section):
    """Something that the device switches; written as [[output]]. It is off at the start, at the
    end, and after a crash once the device has started again: docs/hardware.md says how far the
    board guarantees more, and what has to be wired.
    """

    name: Annotated[str, AfterValidator(output_name)] = Field(
        examples=["door"],
        description="What it is called, in topics and commands. Unique.",
    )
    kind: OutputKind = Field(
        examples=["door"],
        description="door: released for whom the policy lets. light: switched by a button. "
        "camera_light: on exactly while camera or microphone is open. chime: sounds when somebody "
        "rings. siren.",
    )
    gpio: Annotated[Pin | None, BeforeValidator(none_if_empty)] = Field(
        default=None,
        description="The line, by its BCM number. Without one it is virtual: for tests and demos.",
    )
    chip: Annotated[str, Field(pattern=r"^([0-9]{1,3}|gpiochip[0-9]{1,3})?$")] = Field(
        default="",
        description='The chip of the line, such as "gpiochip1"; the header\'s own if "".',
    )
    active: Literal["high", "low"] = Field(
        default="high", description="The level at which it is on."
    )
    pulse: OptionalDuration = Field(
        default=None,
        description="For how long a door, a chime or a siren is on: 3s unless given, a chime 0.5s.",
    )
    longest: OptionalDuration = Field(
        default=None,
        description="The most that it is on at a stretch, whatever is asked for: 5s unless given "
        "(at most 1m for a door), a chime 3s and no more; a light for as long as it is wanted.",
    )
    contact: Annotated[Pin | None, BeforeValidator(none_if_empty)] = Field(
        default=None,
        description="An input on the same chip that tells whether the door is open: a contact to "
        "ground that is closed while the door is.",
    )
    code: Annotated[OptionalSecret, AfterValidator(_code_form)] = Field(
        default=None,
        description="4 to 8 digits that a release must bring. Three wrong ones in ten minutes lock "
        "their sender out, ten all. Better kept in the credential output__door__code (for the "
        "output door).",
    )

    @property
    def pulse_seconds(self) -> float | None:
        """How long it is on where nobody says; None: until it is switched off."""
        if self.kind in _PULSES:
            return min(self.pulse or _PULSES[self.kind][0], self.longest_seconds or LONGEST_DOOR)
        return None

    @property
    def longest_seconds(self) -> float | None:
        """The most at a stretch; None: no limit."""
        if self.kind is OutputKind.CAMERA_LIGHT:
            return None
        return self.longest or (_PULSES[self.kind][1] if self.kind in _PULSES else None)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind is not OutputKind.DOOR:
            for key in ("contact", "code"):
                if getattr(self, key) is not None:
                    raise conflict(key, f"is only for a door, and this is a {self.kind.value}")
        if self.pulse is not None and not self.kind.pulses:
            raise conflict("pulse", f"a {self.kind.value} is on until it is switched off")
        if self.longest is not None and self.kind is OutputKind.CAMERA_LIGHT:
            raise conflict("longest", "a camera_light is on for as long as the camera is open")
        most = {OutputKind.CHIME: LONGEST_CHIME, OutputKind.DOOR: LONGEST_DOOR}.get(self.kind)
        for key in ("pulse", "longest"):
            seconds = getattr(self, key)
            if most is not None and seconds is not None and seconds > most:
                raise conflict(key, f"{seconds:g}s is more than the {most:g}s of a {self.kind}")
        if self.pulse is not None and self.longest is not None and self.pulse > self.longest:
            raise conflict("pulse", f"{self.pulse:g}s is more than longest, {self.longest:g}s")
        return self


def check_outputs(outputs: tuple[OutputSettings, ...]) -> tuple[OutputSettings, ...]:
    """Names, and lines of one chip, are used once. Raises ValueError."""
    names: set[str] = set()
    lines: dict[tuple[str, int], str] = {}
    for output in outputs:
        if output.name in names:
            raise ValueError(f'two outputs are called "{output.name}"')
        names.add(output.name)
        for key, line in (("gpio", output.gpio), ("contact", output.contact)):
            where = (output.chip.removeprefix("gpiochip"), -1 if line is None else line)
            if line is not None and lines.setdefault(where, output.name) != output.name:
                raise ValueError(f'{key} {line} is used by "{lines[where]}" and "{output.name}"')
        if output.gpio is not None and output.gpio == output.contact:
            raise ValueError(f'gpio and contact of "{output.name}" are both {output.gpio}')
    return outputs


OutputList = Annotated[tuple[OutputSettings, ...], AfterValidator(check_outputs)]
