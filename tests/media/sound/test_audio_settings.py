"""The settings of sound."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.media.sound.audio_settings import AudioSettings, check_audio_device


@pytest.mark.parametrize("device", ["auto", "none", "pattern", "file:/a.opus", "USB Audio"])
def test_check_audio_device_of_a_device(device: str) -> None:
    assert check_audio_device(device) == device


@pytest.mark.parametrize("device", ["", " ", "file:", "a\nb"])
def test_check_audio_device_of_anything_else(device: str) -> None:
    with pytest.raises(ValueError, match="is not auto"):
        check_audio_device(device)


def test_playback_of_the_pattern_is_refused() -> None:
    with pytest.raises(ValidationError, match="only for capture"):
        AudioSettings(playback="pattern")
