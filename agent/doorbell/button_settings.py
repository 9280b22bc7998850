"""The settings of the buttons at the door."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from agent.core.ring.press_detector import PressTimes
from agent.options import Duration, Section, Whole, conflict, none_if_empty

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# seconds from which on a press is a long one
HOLD_TIME = 2.0


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name of 1 to 64 letters, digits, '_' and '-'")
    return name


class ButtonSettings(Section):
    """A button. One without gpio and evdev is pressed by `callbox press NAME` alone."""

    name: Annotated[str, AfterValidator(_check_name)] = Field(
        examples=["front"], description="What it is called, in events and for `callbox press`."
    )
    gpio: Annotated[Whole | None, Field(ge=0, le=511), BeforeValidator(none_if_empty)] = Field(
        default=None, description="The line, by its BCM number. Needs callbox[gpio]."
    )
    chip: Annotated[str, Field(pattern=r"^([0-9]{1,3}|gpiochip[0-9]{1,3})?$")] = Field(
        default="",
        description='The chip of the line, such as "gpiochip1"; the header\'s own if "".',
    )
    pull: Annotated[str, Field(pattern=r"^(up|down|none)$")] = Field(
        default="up",
        description="up: the button joins the line to ground. down: to 3.3 V. none: to ground, "
        "with a resistor of its own, as a long wire needs.",
    )
    evdev: str = Field(
        default="",
        max_length=256,
        description="An input device with keys, such as /dev/input/by-id/usb-...-event-kbd.",
    )
    key: Annotated[Whole | None, Field(ge=1, le=767), BeforeValidator(none_if_empty)] = Field(
        default=None,
        description="The key of that device, by the number of linux/input-event-codes.h (28 is "
        "Enter); any key unless given.",
    )
    shortest: Annotated[Duration, Field(le=5.0)] = Field(
        default=0.06,
        description="What is shorter is no press: long wires beside the mains make some.",
    )
    ring: str = Field(
        default="", description="The [[ring.list]] that it rings, whatever the time is."
    )
    hold: str = Field(
        default="",
        description="What a press of 2 s does instead: switches the output of that name, or "
        '"privacy".',
    )

    @property
    def times(self) -> PressTimes:
        """For the rules."""
        return PressTimes(shortest=self.shortest, hold=HOLD_TIME if self.hold else None)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.gpio is not None and self.evdev:
            raise conflict("evdev", "is given as well as gpio")
        if self.key is not None and not self.evdev:
            raise conflict("key", "is only for evdev")
        return self


def _check_buttons(buttons: tuple[ButtonSettings, ...]) -> tuple[ButtonSettings, ...]:
    names: set[str] = set()
    for button in buttons:
        if button.name in names:
            raise ValueError(f'two buttons are called "{button.name}"')
        names.add(button.name)
    return buttons


ButtonList = Annotated[tuple[ButtonSettings, ...], AfterValidator(_check_buttons)]
