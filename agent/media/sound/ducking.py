"""Half duplex by level, for a device without an echo canceller (implements `PcmFilter`).

While the remote peer is heard, and a room's echo longer, silence is sent in place of what the
microphone hears: so no echo comes back, and nothing howls, however loud the loudspeaker is. The
remote peer goes first: a street is never silent, and would never let anybody be heard.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable

from agent.media.sound.level import loudness

# dB of full scale: a background is never taken for softer
_QUIET = -60.0
# dB by which speech is louder than the remote peer's own background
_ABOVE_NOISE = 10.0
# dB a second at which a background that has become louder is taken for one
_NOISE_RISES = 3.0
# what is louder than this and the distance above is no background: a howl would become one
_LOUDEST_NOISE = -35.0
# seconds that a room goes on after the last word
_TAIL = 0.25
# the gain falls in one frame of 10 ms, and rises in eight: from the first, by this each
_FIRST = 0.02
_RISE = 1.8
_FRAME = 0.01


class Ducking:
    """`now` is a monotonic clock."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._noise = _QUIET
        # until then its echo may be in the room
        self._heard_until = -math.inf
        self._gain = 1.0

    def render(self, frame: bytes, delay: float) -> bytes:
        level = loudness(frame)
        risen = min(level, self._noise + _NOISE_RISES * _FRAME, _LOUDEST_NOISE)
        self._noise = max(_QUIET, risen)
        if level > self._noise + _ABOVE_NOISE:
            self._heard_until = self._now() + delay + _TAIL
        return frame

    def capture(self, frame: bytes, delay: float) -> bytes:
        lowered = self._now() - delay < self._heard_until
        before = self._gain
        self._gain = 0.0 if lowered else min(1.0, max(_FIRST, before * _RISE))
        if before == self._gain == 1.0:
            return frame
        return _ramp(frame, before, self._gain)

    def close(self) -> None:
        """Nothing is open."""


def _ramp(frame: bytes, first: float, last: float) -> bytes:
    """From one gain to the other, so that nothing clicks."""
    samples = memoryview(frame).cast("h")
    step = (last - first) / len(samples)
    return array(
        "h", [int(sample * (first + step * number)) for number, sample in enumerate(samples)]
    ).tobytes()
