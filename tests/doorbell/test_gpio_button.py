"""A button on a pin. These are gpiozero's mock pins, not a kernel."""

from __future__ import annotations

from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from agent.doorbell.button_line import ButtonFailed
from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.gpio_button import GpioButton


@pytest.mark.parametrize(("pull", "pressed"), [("up", "low"), ("down", "high")])
def test_button_is_pressed_against_its_pull(pull: str, pressed: str) -> None:
    factory, seen = MockFactory(), list[bool]()
    button = GpioButton(
        ButtonSettings(name="front", gpio=17, pull=pull), lambda on, _at: seen.append(on), factory
    )
    pin: Any = factory.pin(17)
    drive = {"low": pin.drive_low, "high": pin.drive_high}
    assert button.pressed is False
    drive[pressed]()
    assert button.pressed is True
    drive["low" if pressed == "high" else "high"]()
    assert seen == [True, False]
    button.close()
    button.close()


def test_pin_that_is_taken_is_told() -> None:
    factory = MockFactory()
    settings = ButtonSettings(name="front", gpio=17)
    button = GpioButton(settings, lambda *_: None, factory)
    with pytest.raises(ButtonFailed, match="gpio 17"):
        GpioButton(settings, lambda *_: None, factory)
    button.close()
