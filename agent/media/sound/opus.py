"""libopus's encoder for a call: speech, 48 kHz mono, 20 ms a packet.

How it is set was chosen by PESQ and by cost: see docs/measured.md. Where packets are lost, a part
of the bits repeats the packet before (in-band FEC).
"""

from __future__ import annotations

import ctypes
import time
import weakref

from agent.errors import MediaUnavailable
from agent.media.sound import libopus
from agent.media.sound.opus_packet import PAUSE, SILENCE, begins_pause
from agent.ports import AUDIO_CLOCK_RATE, AudioPacket

FRAME_SAMPLES = 960
FRAME_DURATION = FRAME_SAMPLES / AUDIO_CLOCK_RATE
FRAME_BYTES = FRAME_SAMPLES * 2
BITRATE = 32_000
COMPLEXITY = 8
# what is made up for: with less, FEC costs more than it gives; more would eat up the speech
LEAST_LOSS, MOST_LOSS = 0.01, 0.25
# frames of silence that are sent, so that a lost one does not leave a sound standing
SILENT_FRAMES = 2
# frames between two packets in a pause, 400 ms as RFC 7587 has it: the path stays open, and the
# remote peer sees that we are there
PAUSE_FRAMES = 20
_NOTHING = bytes(FRAME_BYTES)
_LARGEST = 1275


class OpusEncoder:
    """Not thread-safe, but for `expect_loss`: one thread encodes. Raises MediaUnavailable where
    libopus is missing.
    """

    def __init__(self) -> None:
        self._library = libopus.load()
        error = ctypes.c_int()
        self._handle = self._library.opus_encoder_create(
            AUDIO_CLOCK_RATE, 1, libopus.APPLICATION_VOIP, ctypes.byref(error)
        )
        if not self._handle:
            reason = libopus.describe(self._library, error.value)
            raise MediaUnavailable(f"libopus cannot encode: {reason}")
        weakref.finalize(self, self._library.opus_encoder_destroy, self._handle)
        self._packet = ctypes.create_string_buffer(_LARGEST)
        self._frames = 0
        # frames since the pause began
        self._paused = 0
        self._silent = 0
        self._expected_loss = self._loss = 0.0
        self._set(libopus.SET_BITRATE, BITRATE)
        self._set(libopus.SET_COMPLEXITY, COMPLEXITY)
        self._set(libopus.SET_SIGNAL, libopus.SIGNAL_VOICE)
        self._set(libopus.SET_DTX, 1)
        self._apply_loss()

    def expect_loss(self, fraction: float) -> None:
        """The share of packets, 0..1, that does not arrive, by the reports of whoever loses most.
        From any thread.
        """
        self._expected_loss = min(MOST_LOSS, fraction) if fraction >= LEAST_LOSS else 0.0

    @property
    def expected_loss(self) -> float:
        return self._expected_loss

    def repeat(self, data: bytes | None) -> list[AudioPacket]:
        """The next 20 ms out of a packet that was made before; None: nothing is sent of them."""
        pts, self._frames = self._frames * FRAME_SAMPLES, self._frames + 1
        return [AudioPacket(data, pts, time.monotonic())] if data is not None else []

    def encode(self, samples: bytes) -> list[AudioPacket]:
        """What is to be sent of 960 samples, signed 16 bit: in a pause mostly nothing. `pts` counts
        every sample, sent or not.
        """
        return self.repeat(self._silence() if samples == _NOTHING else self._speech(samples))

    def _silence(self) -> bytes | None:
        """Digital silence is known, and not encoded."""
        self._silent += 1
        in_pause = self._silent - SILENT_FRAMES - 1
        if in_pause < 0:
            return SILENCE
        return PAUSE if in_pause % PAUSE_FRAMES == 0 else None

    def _speech(self, samples: bytes) -> bytes | None:
        if self._silent:
            # what it heard last is long over
            self._silent = self._paused = 0
            self._call(libopus.RESET_STATE)
        if self._loss != self._expected_loss:
            self._apply_loss()
        length = self._library.opus_encode(
            self._handle, samples, FRAME_SAMPLES, self._packet, _LARGEST
        )
        if length <= 0:
            raise MediaUnavailable(
                f"libopus cannot encode: {libopus.describe(self._library, length)}"
            )
        data = ctypes.string_at(self._packet, length)
        self._paused = self._paused + 1 if begins_pause(data) else 0
        return data if self._paused <= 1 else None

    def _apply_loss(self) -> None:
        self._loss = self._expected_loss
        self._set(libopus.SET_INBAND_FEC, int(self._loss > 0))
        self._set(libopus.SET_PACKET_LOSS, round(100 * self._loss))

    def _set(self, request: int, value: int) -> None:
        self._call(request, ctypes.c_int32(value))

    def _call(self, request: int, *arguments: ctypes.c_int32) -> None:
        code = self._library.opus_encoder_ctl(self._handle, request, *arguments)
        if code:
            reason = libopus.describe(self._library, code)
            raise MediaUnavailable(f"libopus refuses setting {request}: {reason}")
