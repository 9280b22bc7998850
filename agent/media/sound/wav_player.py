"""A recording in place of a loudspeaker (implements `PcmPlayer`)."""

from __future__ import annotations

import time
import wave
from pathlib import Path

from agent.errors import MediaUnavailable
from agent.media.base.worker import Ticker
from agent.ports import AUDIO_CLOCK_RATE

_FRAMES = 2


class WavPlayer:
    """WAV, 48 kHz, mono, 16 bit: what was played in the last call. Whole at every moment. Raises
    MediaUnavailable.
    """

    frames = _FRAMES

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._raw = path.open("wb")
        except OSError as error:
            raise MediaUnavailable(f"{path}: {error.strerror}") from error
        self._file = wave.open(self._raw, "wb")  # noqa: SIM115 - closed by `close`
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(AUDIO_CLOCK_RATE)
        self._ticker = Ticker(_FRAMES / 100)

    def write(self, frames: bytes) -> None:
        time.sleep(self._ticker.next_wait())
        try:
            self._file.writeframes(frames)
        except OSError as error:
            raise MediaUnavailable(f"{self._path}: {error.strerror}") from error

    def delay(self) -> float:
        return 0.0

    def close(self) -> None:
        self._file.close()
        self._raw.close()
