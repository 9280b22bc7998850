"""A recording in place of a loudspeaker."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound.wav_player import WavPlayer
from tests.fakes.playout import constant


def recorded(path: Path) -> tuple[tuple[int, int, int], bytes]:
    with wave.open(str(path)) as file:
        shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        return shape, file.readframes(1 << 20)


def test_wav_player_writes_what_is_played(tmp_path: Path) -> None:
    player = WavPlayer(tmp_path / "a.wav")
    player.write(constant(1) * 2)
    player.write(constant(2) * 2)
    assert recorded(tmp_path / "a.wav") == ((1, 2, 48_000), constant(1) * 2 + constant(2) * 2)
    player.close()
    assert player.delay() == 0
    assert recorded(tmp_path / "a.wav")[1] == constant(1) * 2 + constant(2) * 2


def test_wav_player_that_cannot_write_says_so(tmp_path: Path) -> None:
    with pytest.raises(MediaUnavailable, match="No such file"):
        WavPlayer(tmp_path / "none" / "a.wav")
