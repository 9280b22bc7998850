"""libopus's decoder for a call: 48 kHz mono, whatever was sent, and what makes up for lost
packets.
"""

from __future__ import annotations

import ctypes
import weakref

from agent.errors import MediaUnavailable
from agent.media.sound import libopus
from agent.media.sound.opus_packet import samples_of
from agent.ports import AUDIO_CLOCK_RATE

_LONGEST = AUDIO_CLOCK_RATE * 120 // 1000
_STEP = AUDIO_CLOCK_RATE * 5 // 2000


class OpusDecoder:
    """Not thread-safe: one thread decodes. Gives signed 16 bit samples. Raises MediaUnavailable
    where libopus is missing.
    """

    def __init__(self) -> None:
        self._library = libopus.load()
        error = ctypes.c_int()
        self._handle = self._library.opus_decoder_create(AUDIO_CLOCK_RATE, 1, ctypes.byref(error))
        if not self._handle:
            reason = libopus.describe(self._library, error.value)
            raise MediaUnavailable(f"libopus cannot decode: {reason}")
        weakref.finalize(self, self._library.opus_decoder_destroy, self._handle)
        self._samples = ctypes.create_string_buffer(2 * _LONGEST)

    def decode(self, data: bytes) -> bytes:
        """The sound of a packet. One that is broken is concealed; none where it holds nothing."""
        expected = samples_of(data)
        if not expected:
            return b""
        samples = self._call(data, expected, recover=False)
        return samples if samples is not None else self.conceal(expected)

    def recover(self, data: bytes, samples: int) -> bytes:
        """So many samples before the packet `data`, out of its forward error correction; concealed
        where it has none.
        """
        recovered = self._call(data, _whole(samples), recover=True)
        return recovered if recovered is not None else self.conceal(samples)

    def conceal(self, samples: int) -> bytes:
        """So many samples in place of what is lost, and comfort noise in a pause."""
        return (self._call(None, _whole(samples), recover=False) or b"") if samples else b""

    def _call(self, data: bytes | None, samples: int, *, recover: bool) -> bytes | None:
        length = len(data) if data is not None else 0
        made = self._library.opus_decode(
            self._handle, data, length, self._samples, samples, int(recover)
        )
        return ctypes.string_at(self._samples, 2 * made) if made > 0 else None


def _whole(samples: int) -> int:
    """In steps of 2.5 ms, as libopus wants."""
    return min(_LONGEST, max(_STEP, samples // _STEP * _STEP))
