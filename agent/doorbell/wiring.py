"""Whether buttons and outputs go together."""

from __future__ import annotations

from collections.abc import Iterable

from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.output_settings import OutputKind, OutputSettings

# what a long press may switch beside outputs
PRIVACY = "privacy"


def wiring_fault(
    buttons: Iterable[ButtonSettings], outputs: Iterable[OutputSettings]
) -> str | None:
    """What is wrong with them, in a sentence."""
    named = {each.name: each for each in outputs}
    lines = {
        (each.chip.removeprefix("gpiochip"), line): each.name
        for each in named.values()
        for line in (each.gpio, each.contact)
        if line is not None
    }
    for button in buttons:
        if button.hold not in ("", PRIVACY, *named):
            known = ", ".join([*named, PRIVACY])
            return f'hold "{button.hold}" of "{button.name}" is none of {known}'
        if button.hold in named and named[button.hold].kind is OutputKind.CAMERA_LIGHT:
            return (
                f'hold "{button.hold}" of "{button.name}" is a camera_light, which nobody switches'
            )
        where = (button.chip.removeprefix("gpiochip"), -1 if button.gpio is None else button.gpio)
        if where in lines:
            return f'gpio {button.gpio} is used by "{button.name}" and "{lines[where]}"'
    return None
