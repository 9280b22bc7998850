"""WebRTC's audio processing in this process: echo, noise and level (implements `PcmFilter`).

An extra, which is loaded when the first call needs it (`speech_processor`).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from av import AudioFrame
from av.audio.resampler import AudioResampler

from agent.media.sound.speech_processor import (
    FRAME_SAMPLES,
    RATE,
    Processing,
    SpeechProcessor,
    make_processor,
)
from agent.ports import AUDIO_CLOCK_RATE, PCM_FRAME_BYTES

logger = logging.getLogger(__name__)

_FRAME_BYTES = 2 * FRAME_SAMPLES
# frames of 10 ms that were played and not yet heard: beyond it the microphone is not running
_REFERENCE = 30
# seconds of delay that it can look back
_LONGEST = 0.5


class EchoCanceller:
    """One card's. The player's thread brings what is played, the source's takes the next of it for
    each frame that it heard; the module finds by how much they are apart, and is told what ALSA
    says of it.
    """

    def __init__(
        self,
        wanted: Processing,
        make: Callable[[Processing], SpeechProcessor] = make_processor,
    ) -> None:
        self._wanted = wanted
        self._make = make
        self._played: deque[bytes] = deque(maxlen=_REFERENCE)
        self._play_delay = 0.0
        self._lock = threading.Lock()
        self._processor: SpeechProcessor | None = None
        self._to_process = _Converter(AUDIO_CLOCK_RATE, RATE)
        self._reference = _Converter(AUDIO_CLOCK_RATE, RATE)
        self._to_send = _Converter(RATE, AUDIO_CLOCK_RATE)

    def render(self, frame: bytes, delay: float) -> bytes:
        self._play_delay = delay
        self._played.append(frame)
        return frame

    def capture(self, frame: bytes, delay: float) -> bytes:
        with self._lock:
            if self._processor is None:
                self._processor = self._make(self._wanted)
                logger.info("WebRTC's audio processing is loaded")
            far = self._played.popleft() if self._played else bytes(PCM_FRAME_BYTES)
            apart = round(1000 * min(_LONGEST, self._play_delay + delay))
            near = self._to_process.convert(frame, _FRAME_BYTES)
            reference = self._reference.convert(far, _FRAME_BYTES)
            done = self._processor.process(near, reference, apart)
            return self._to_send.convert(done, PCM_FRAME_BYTES)

    def close(self) -> None:
        """Give its memory back."""
        with self._lock:
            self._processor = None
            self._played.clear()


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
