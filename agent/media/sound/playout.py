"""One conversation's sound, from RTP packets to PCM at the pace of the card (implements
`AudioPlayout`).
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from agent.core.statistics.counters import PlayoutCounters
from agent.media.sound.jitter_buffer import JitterBuffer, PlayoutAction, PlayoutTally, Step, Stretch
from agent.media.sound.opus_decoder import OpusDecoder
from agent.media.sound.pcm import Loudspeaker
from agent.media.sound.time_scale import fade_in, fade_out, lengthen, shorten
from agent.ports import AUDIO_CLOCK_RATE, PCM_FRAME_BYTES, ReceivedAudio

logger = logging.getLogger(__name__)

# packets between two reads: more than wait behind them
INBOX_LENGTH = 128
_NOTHING = bytes(PCM_FRAME_BYTES)


class Decoder(Protocol):
    """Samples are signed 16 bit, 48 kHz mono."""

    def decode(self, data: bytes) -> bytes: ...

    def recover(self, data: bytes, samples: int) -> bytes: ...

    def conceal(self, samples: int) -> bytes: ...


class Playout:
    """`put` is called on the event loop, `read` in the player's thread: that one decodes, and only
    what is played.
    """

    def __init__(self, decoder: Decoder, now: Callable[[], float] = time.monotonic) -> None:
        self._decoder = decoder
        self._now = now
        self._buffer = JitterBuffer()
        # crosses the threads; drops the oldest where nobody reads
        self._inbox: deque[ReceivedAudio] = deque(maxlen=INBOX_LENGTH)
        self._ready = bytearray()

    @property
    def tally(self) -> PlayoutTally:
        return self._buffer.tally

    @property
    def played(self) -> PlayoutCounters:
        """By W3C's names."""
        tally = self.tally
        return PlayoutCounters(
            total_samples_received=tally.total_samples_received,
            concealed_samples=tally.concealed_samples,
            concealment_events=tally.concealment_events,
            inserted_samples_for_deceleration=tally.inserted_samples_for_deceleration,
            removed_samples_for_acceleration=tally.removed_samples_for_acceleration,
            packets_discarded=tally.packets_late + tally.packets_discarded,
            jitter_buffer_delay=tally.jitter_buffer_delay,
            jitter_buffer_emitted_count=tally.jitter_buffer_emitted,
        )

    def put(self, packet: ReceivedAudio) -> None:
        self._inbox.append(packet)

    def read(self) -> bytes | None:
        """See `PlayoutStream`."""
        while self._inbox:
            self._buffer.put(self._inbox.popleft())
        if not self._ready and self._buffer.idle:
            return None
        ready, now = self._ready, self._now()
        while len(ready) < PCM_FRAME_BYTES:
            step = self._buffer.next(now + len(ready) / (2 * AUDIO_CLOCK_RATE))
            ready += self._render(step)
        frame = bytes(ready[:PCM_FRAME_BYTES])
        del ready[:PCM_FRAME_BYTES]
        return frame if frame != _NOTHING else None

    def _render(self, step: Step) -> bytes:
        match step.action:
            case PlayoutAction.DECODE:
                samples = self._decoder.decode(step.data)
            case PlayoutAction.RECOVER:
                return self._decoder.recover(step.data, step.samples)
            case PlayoutAction.CONCEAL:
                return self._decoder.conceal(step.samples)
            case PlayoutAction.BREAK_OFF:
                return fade_out(self._decoder.conceal(step.samples))
            case PlayoutAction.NOTHING:
                return bytes(2 * step.samples)
        if step.first:
            samples = fade_in(samples)
        return self._stretched(step, samples) if step.stretch is not Stretch.NONE else samples

    def _stretched(self, step: Step, samples: bytes) -> bytes:
        change = shorten if step.stretch is Stretch.SHORTEN else lengthen
        changed = change(samples, force=step.force)
        self._buffer.played(step, len(changed) // 2)
        return changed


class Playback:
    """A loudspeaker as the conversations see it (implements `AudioPlayback`)."""

    def __init__(self, loudspeaker: Loudspeaker) -> None:
        self._loudspeaker = loudspeaker

    def open(self) -> AttachedPlayout:
        """Raises MediaUnavailable where libopus is missing."""
        return AttachedPlayout(self._loudspeaker)


class AttachedPlayout(Playout):
    """One that a loudspeaker plays until `close()`."""

    def __init__(self, loudspeaker: Loudspeaker) -> None:
        super().__init__(OpusDecoder())
        self._loudspeaker = loudspeaker
        loudspeaker.attach(self)

    def close(self) -> None:
        self._loudspeaker.detach(self)
