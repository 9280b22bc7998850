"""WebRTC's audio processing in this process: echo, noise and level (implements `PcmFilter`).

An extra: `pywebrtc-audio`, and numpy for its arrays, are loaded when the first call needs them.
Speech is processed at 16 kHz, which costs a third and cancels better than 48.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any

from av import AudioFrame
from av.audio.resampler import AudioResampler

from agent.errors import MediaUnavailable
from agent.ports import AUDIO_CLOCK_RATE, PCM_FRAME_BYTES

logger = logging.getLogger(__name__)

_RATE = 16_000
_FRAME = _RATE // 100
_FRAME_BYTES = 2 * _FRAME
# frames of 10 ms that were played and not yet heard: beyond it the microphone is not running
_REFERENCE = 30
# of the module's levels: 12 dB
_NOISE_LEVEL = 1
# seconds of delay that it can look back
_LONGEST = 0.5


class EchoCanceller:
    """One card's. The player's thread brings what is played, the source's takes the next of it for
    each frame that it heard; the module finds by how much they are apart, and is told what ALSA
    says of it.
    """

    def __init__(self, *, echo: bool = True, noise: bool = True, gain: bool = True) -> None:
        self._options = {
            "echo_cancellation": echo,
            "noise_suppression": noise,
            "auto_gain_control": gain,
            "high_pass_filter": True,
        }
        self._played: deque[bytes] = deque(maxlen=_REFERENCE)
        self._play_delay = 0.0
        self._lock = threading.Lock()
        self._processor: Any = None
        self._numpy: Any = None
        self._to_process = _Converter(AUDIO_CLOCK_RATE, _RATE)
        self._reference = _Converter(AUDIO_CLOCK_RATE, _RATE)
        self._to_send = _Converter(_RATE, AUDIO_CLOCK_RATE)

    def render(self, frame: bytes, delay: float) -> bytes:
        self._play_delay = delay
        self._played.append(frame)
        return frame

    def capture(self, frame: bytes, delay: float) -> bytes:
        with self._lock:
            if self._processor is None:
                self._load()
            far = self._played.popleft() if self._played else bytes(PCM_FRAME_BYTES)
            self._processor.stream_delay_ms = round(1000 * min(_LONGEST, self._play_delay + delay))
            near = self._to_process.convert(frame, _FRAME_BYTES)
            done = self._process(near, self._reference.convert(far, _FRAME_BYTES))
            return self._to_send.convert(done, PCM_FRAME_BYTES)

    def close(self) -> None:
        """Give its memory back."""
        with self._lock:
            self._processor = None
            self._played.clear()

    def _process(self, near: bytes, far: bytes) -> bytes:
        array = self._numpy.frombuffer
        done: bytes = self._processor.process(array(near, "int16"), array(far, "int16")).tobytes()
        return done

    def _load(self) -> None:
        try:
            import numpy
            from pywebrtc_audio import AudioProcessor
        except ImportError as error:
            raise MediaUnavailable(f"echo cannot be canceled: {error}") from error
        self._numpy = numpy
        self._processor = AudioProcessor(sample_rate=_RATE, ns_level=_NOISE_LEVEL, **self._options)
        logger.info("WebRTC's audio processing is loaded")


class _Converter:
    """From one rate to another, a frame of 10 ms in and one out; the first is silent, as what comes
    out of a filter comes later than it went in.
    """

    def __init__(self, before: int, after: int) -> None:
        self._before = before
        self._resampler = AudioResampler(format="s16", layout="mono", rate=after)
        self._ready = bytearray(2 * after // 100)

    def convert(self, frame: bytes, size: int) -> bytes:
        samples = AudioFrame(format="s16", layout="mono", samples=len(frame) // 2)
        samples.sample_rate = self._before
        samples.planes[0].update(frame)
        for made in self._resampler.resample(samples):
            self._ready += bytes(made.planes[0])[: 2 * made.samples]
        if len(self._ready) < size:
            self._ready[:0] = bytes(size - len(self._ready))
        ready = bytes(self._ready[:size])
        del self._ready[:size]
        return ready
