"""Whether buttons and outputs go together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agent.settings import Settings

DOOR = {"name": "door", "kind": "door", "gpio": 23, "contact": 24}
EYE = {"name": "eye", "kind": "camera_light"}


def settings(**button: Any) -> Settings:
    return Settings.model_validate({"button": [{"name": "front"} | button], "output": [DOOR, EYE]})


@pytest.mark.parametrize("hold", ["", "privacy", "door"])
def test_wiring_of_a_long_press_that_there_is(hold: str) -> None:
    assert settings(hold=hold, gpio=17).button[0].hold == hold


@pytest.mark.parametrize(
    ("button", "complaint"),
    [
        ({"hold": "cellar"}, 'hold "cellar" of "front" is none of door, eye, privacy'),
        ({"hold": "eye"}, "which nobody switches"),
        ({"gpio": 23}, 'gpio 23 is used by "front" and "door"'),
        ({"gpio": 24}, 'gpio 24 is used by "front" and "door"'),
    ],
)
def test_wiring_that_does_not_fit_is_a_fault(button: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**button)
    assert complaint in str(caught.value)


def test_wiring_takes_one_number_on_two_chips() -> None:
    assert settings(gpio=23, chip="gpiochip1").button[0].gpio == 23
