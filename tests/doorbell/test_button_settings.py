"""[[button]]."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from agent.doorbell.button_settings import HOLD_TIME, ButtonList, ButtonSettings


def test_button_without_a_line_is_pressed_by_hand_alone() -> None:
    button = ButtonSettings(name="front")
    assert (button.gpio, button.evdev, button.times.hold) == (None, "", None)


def test_button_with_a_hold_has_long_presses() -> None:
    assert ButtonSettings(name="front", hold="privacy").times.hold == HOLD_TIME


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "front door"}, "is not a name"),
        ({"name": "front", "gpio": 17, "evdev": "/dev/input/event0"}, "as well as gpio"),
        ({"name": "front", "key": 28}, "only for evdev"),
        ({"name": "front", "gpio": -1}, "greater than or equal"),
        ({"name": "front", "pull": "sideways"}, "pattern"),
    ],
)
def test_button_that_cannot_be_meant_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ButtonSettings.model_validate(values)


def test_two_buttons_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two buttons"):
        TypeAdapter(ButtonList).validate_python([{"name": "front"}, {"name": "front"}])
