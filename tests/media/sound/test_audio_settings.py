"""The settings of sound."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.media.sound.audio_settings import AudioSettings, check_audio_device


@pytest.mark.parametrize(
    "device", ["auto", "none", "pattern", "file:/a.opus", "alsa:plughw:CARD=Device", "alsa:pulse"]
)
def test_check_audio_device_of_a_device(device: str) -> None:
    assert check_audio_device(device) == device


@pytest.mark.parametrize(
    "device", ["", " ", "file:", "a\nb", "alsa:", "alsa: ", "USB Audio", "auto:1", "file:a\n"]
)
def test_check_audio_device_of_anything_else(device: str) -> None:
    with pytest.raises(ValueError, match="is not auto"):
        check_audio_device(device)


@pytest.mark.parametrize("name", ["hw:0", "plughw:1,0", "hw:CARD=2", "sysdefault:0", "0"])
def test_check_audio_device_of_a_numbered_card_says_how_to_name_it(name: str) -> None:
    with pytest.raises(ValueError, match="between boots: write plughw:CARD=NAME"):
        check_audio_device(f"alsa:{name}")


@pytest.mark.parametrize("key", ["speaker", "microphone"])
@pytest.mark.parametrize("level", [-1, 101, True, 0.5])
def test_audio_settings_refuse_a_level_that_is_none(key: str, level: object) -> None:
    with pytest.raises(ValidationError):
        AudioSettings.model_validate({key: level})


def test_playback_of_the_pattern_is_refused() -> None:
    with pytest.raises(ValidationError, match="only for capture"):
        AudioSettings(playback="pattern")
