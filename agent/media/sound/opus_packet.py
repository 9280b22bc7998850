"""What a packet of Opus says of itself (RFC 6716 3.1), without decoding it. Pure."""

from __future__ import annotations

from agent.ports import AUDIO_CLOCK_RATE

# a packet of the CELT layer, 20 ms, fullband, mono, of digital silence
SILENCE = b"\xf8\xff\xfe"
# the same, not transmitted: what a decoder takes for the begin of a pause (RFC 7587 3.1.3)
PAUSE = b"\xf8"
_MAX_DTX = 2  # bytes
_LONGEST = AUDIO_CLOCK_RATE * 120 // 1000
_CELT = 16
_HYBRID = 12
_MS = AUDIO_CLOCK_RATE // 1000


def samples_of(data: bytes) -> int:
    """How many samples of 48 kHz it holds; 0 where it is none."""
    if not data:
        return 0
    configuration, code = data[0] >> 3, data[0] & 3
    if configuration >= _CELT:
        frame = _MS * 5 // 2 << (configuration & 3)
    elif configuration >= _HYBRID:
        frame = _MS * (20 if configuration & 1 else 10)
    else:
        frame = _MS * (10, 20, 40, 60)[configuration & 3]
    if code == 3 and len(data) < 2:
        return 0
    frames = (1, 2, 2)[code] if code < 3 else data[1] & 0x3F
    samples = frame * frames
    return samples if samples <= _LONGEST else 0


def begins_pause(data: bytes) -> bool:
    """Whether the sender transmits nothing behind it until somebody speaks (DTX)."""
    return len(data) <= _MAX_DTX


def is_silence(data: bytes) -> bool:
    """Whether it holds digital silence."""
    return len(data) == len(SILENCE) and data[1:] == SILENCE[1:] and data[0] >> 3 >= _CELT
