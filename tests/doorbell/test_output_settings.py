"""What the settings of an output take, and what they say of the rest."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from agent.doorbell.output_settings import OutputKind, OutputList, OutputSettings

LIST: TypeAdapter[tuple[OutputSettings, ...]] = TypeAdapter(OutputList)


def output(**fields: Any) -> OutputSettings:
    return OutputSettings.model_validate({"name": "door", "kind": "door"} | fields)


@pytest.mark.parametrize(
    ("kind", "pulse", "longest"),
    [
        ("door", 3.0, 5.0),
        ("chime", 0.5, 3.0),
        ("siren", 3.0, 5.0),
        ("light", None, None),
        ("camera_light", None, None),
    ],
)
def test_output_kinds_have_their_lengths(
    kind: str, pulse: float | None, longest: float | None
) -> None:
    made = output(kind=kind)
    assert (made.pulse_seconds, made.longest_seconds) == (pulse, longest)


def test_output_is_on_no_longer_than_the_longest() -> None:
    assert output(longest="2s").pulse_seconds == 2.0
    assert output(kind="light", longest="10m").longest_seconds == 600.0


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": "Front door"}, "'Front door' is not a name"),
        ({"kind": "doors"}, "should be 'door', 'light', 'camera_light', 'chime' or 'siren'"),
        ({"gpio": -1}, "greater than or equal to 0"),
        ({"code": "123"}, "4 to 8 digits"),
        ({"code": "123456789"}, "4 to 8 digits"),
        ({"code": "12a4"}, "4 to 8 digits"),
        ({"code": "١٢٣٤"}, "4 to 8 digits"),
        ({"kind": "light", "code": "1234"}, "is only for a door, and this is a light"),
        ({"kind": "chime", "contact": 4}, "is only for a door"),
        ({"kind": "light", "pulse": "3s"}, "is on until it is switched off"),
        ({"kind": "camera_light", "longest": "3s"}, "as long as the camera is open"),
        ({"kind": "chime", "longest": "4s"}, "more than the 3s of a chime"),
        ({"longest": "2m"}, "more than the 60s of a door"),
        ({"pulse": "4s", "longest": "3s"}, "4s is more than longest, 3s"),
    ],
)
def test_output_settings_name_what_is_wrong(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        output(**fields)
    assert complaint in str(caught.value)


def test_output_settings_never_show_a_code() -> None:
    assert "4711" not in repr(output(code="4711"))
    assert output(code="").code is None


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ({"name": "door"}, 'two outputs are called "door"'),
        ({"name": "gate", "gpio": 23}, 'gpio 23 is used by "door" and "gate"'),
        ({"name": "gate", "contact": 23}, 'contact 23 is used by "door" and "gate"'),
        ({"name": "gate", "gpio": 24}, 'gpio 24 is used by "door" and "gate"'),
        ({"name": "gate", "gpio": 5, "contact": 5}, "are both 5"),
    ],
)
def test_output_list_uses_each_name_and_line_once(other: dict[str, Any], complaint: str) -> None:
    first = {"name": "door", "kind": "door", "gpio": 23, "contact": 24}
    with pytest.raises(ValidationError, match=r"used by|called|both") as caught:
        LIST.validate_python([first, {"kind": "door"} | other])
    assert complaint in str(caught.value)


def test_output_list_takes_one_number_on_two_chips() -> None:
    door = {"name": "door", "kind": "door", "gpio": 23}
    gate = {"name": "gate", "kind": "light", "gpio": 23, "chip": "gpiochip1"}
    assert [each.kind for each in LIST.validate_python([door, gate])] == [
        OutputKind.DOOR,
        OutputKind.LIGHT,
    ]
