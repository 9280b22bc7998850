"""The card's own volume; that of PulseAudio's sink stands for one."""

from __future__ import annotations

import re
import subprocess

import pytest

from agent.media.sound.card_mixer import control_of, set_card_level
from tests.media.sound.pulse import SPEAKER, Pulse


@pytest.mark.parametrize(
    ("device", "control"),
    [
        ("plughw:CARD=Device,DEV=0", "hw:CARD=Device"),
        ("hw:Device,0", "hw:CARD=Device"),
        ("pulse", None),
        ("default", None),
    ],
)
def test_control_of_a_card(device: str, control: str | None) -> None:
    assert control_of(device) == control


def test_set_card_level_of_a_card_that_is_not_there_is_left_to_us() -> None:
    assert not set_card_level("hw:CARD=Nowhere", 50, capture=False)


@pytest.mark.media
@pytest.mark.parametrize("level", [100, 40, 0])
def test_set_card_level_turns_the_mixer(pulse: Pulse, level: int) -> None:
    assert set_card_level(SPEAKER, level, capture=False)
    asked = ["pactl", "--server", pulse.server, "get-sink-volume", "spk"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"(\d+)%", said)[0] == str(level)
