"""A source of sound that is started again and again."""

from __future__ import annotations

from types import ModuleType

import pytest

from agent.media.base.video_source import MediaSource
from agent.media.sound.audio_source import ToneSource
from agent.media.sound.microphone import Microphone
from agent.media.sound.opus import OpusEncoder
from agent.ports import AudioPacket


async def losses_expected(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, source: Microphone | ToneSource
) -> list[float]:
    """What each of its encoders expects at last: of three starts, the first two reported 10 % and
    20 %. `module` is that of the source.
    """
    made: list[OpusEncoder] = []

    def make() -> OpusEncoder:
        made.append(OpusEncoder())
        return made[-1]

    monkeypatch.setattr(module, "OpusEncoder", make)
    for loss in (0.1, 0.2):
        await _run(source)
        source.expect_loss(loss)
        await source.stop()
    await _run(source)
    await source.stop()
    return [encoder.expected_loss for encoder in made]


async def _run(source: MediaSource[AudioPacket]) -> None:
    await source.start(lambda _packet: None, lambda _error: None)
