"""What a packet says of itself."""

from __future__ import annotations

import pytest

from agent.media.sound.opus_packet import PAUSE, SILENCE, begins_pause, is_silence, samples_of


@pytest.mark.parametrize(
    ("data", "samples"),
    [
        (b"", 0),
        (b"\x08x", 960),  # SILK, 20 ms
        (b"\x18x", 2880),  # SILK, 60 ms
        (b"\x70x", 480),  # hybrid, 10 ms
        (b"\x78x", 960),  # hybrid, 20 ms
        (b"\x80x", 120),  # CELT, 2.5 ms
        (b"\xf8x", 960),  # CELT, 20 ms
        (b"\xf9xx", 1920),  # two frames
        (b"\xfb\x03xxx", 2880),  # three
        (b"\xfb", 0),  # their number lacks
        (b"\x1b\x03xxx", 0),  # 180 ms
    ],
)
def test_samples_of_a_packet(data: bytes, samples: int) -> None:
    assert samples_of(data) == samples


def test_silence_and_pause_are_20_ms_and_told_apart() -> None:
    assert samples_of(SILENCE) == samples_of(PAUSE) == 960
    assert is_silence(SILENCE)
    assert not is_silence(PAUSE)
    assert begins_pause(PAUSE)
    assert not begins_pause(SILENCE)
    assert not is_silence(b"\x78\xff\xfe")
