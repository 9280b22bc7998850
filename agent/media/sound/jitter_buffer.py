"""When which packet of sound is played: an adaptive jitter buffer. Pure: time is an argument.

The delay follows what arrives. `DelayEstimate` says how late packets come, and the delay is what
lets all but a few of them be in time. A difference between it and the delay that there is, be it of
jitter, of a hole in the path or of two clocks that differ, is made up for by frames that are played
a little shorter or longer, and in pauses. A hole is concealed; one before a packet that is there
already is filled from that one's forward error correction; where much is lost, the delay is a
packet longer, so that it is there.

Where nothing comes, time is filled without going on in the stream: what comes late is played late,
not lost, and the delay shrinks again afterwards. It never exceeds `MAX_DELAY`: then sound is left
out.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import NamedTuple

from agent.media.sound.delay_estimate import MAX_DELAY, DelayEstimate
from agent.media.sound.loss_estimate import LossEstimate
from agent.media.sound.opus_packet import begins_pause, is_silence, samples_of
from agent.ports import AUDIO_CLOCK_RATE, ReceivedAudio

# packets that may wait
CAPACITY = 64
# seconds of concealment, before nothing is played
CONCEALED_AT_MOST = 0.12
# the same of comfort noise in a pause, without the packet each 400 ms that says that it goes on
PAUSED_AT_MOST = 2.0
# seconds that the delay may differ from what it is to be, before it is changed
TOO_SHORT, TOO_LONG = -0.004, 0.012
# seconds between two changes; from this excess on there is no waiting
CHANGE_INTERVAL = 0.1
HURRY = 0.06
# samples
STEP = AUDIO_CLOCK_RATE // 100
FRAME = 2 * STEP

_TIMESTAMPS = 1 << 32
_SMOOTHING = 1 / 16


class PlayoutAction(enum.Enum):
    DECODE = enum.auto()
    """Play `data`."""
    RECOVER = enum.auto()
    """Play what `data` holds of the sound before it."""
    CONCEAL = enum.auto()
    """Make up `samples`."""
    BREAK_OFF = enum.auto()
    """The same for the last time: fade out."""
    NOTHING = enum.auto()
    """Nothing is to be heard."""


class Stretch(enum.Enum):
    NONE = enum.auto()
    SHORTEN = enum.auto()
    LENGTHEN = enum.auto()


class Step(NamedTuple):
    """What is to be played next."""

    action: PlayoutAction
    samples: int = 0
    data: bytes = b""
    stretch: Stretch = Stretch.NONE
    # whatever it sounds like
    force: bool = False
    # after a time in which nothing was heard
    first: bool = False


@dataclass(slots=True)
class PlayoutTally:
    """Samples, unless said otherwise; W3C's names where it has one."""

    total_samples_received: int = 0
    concealed_samples: int = 0
    # of those, rebuilt from forward error correction
    recovered_samples: int = 0
    concealment_events: int = 0
    inserted_samples_for_deceleration: int = 0
    removed_samples_for_acceleration: int = 0
    # packets that came after their time, and such as were left out to bound the delay
    packets_late: int = 0
    packets_discarded: int = 0
    # seconds, summed over so many samples
    jitter_buffer_delay: float = 0.0
    jitter_buffer_emitted: int = 0


class JitterBuffer:
    """One stream of packets. `put` what arrives; ask `next` when there is nothing left to play."""

    def __init__(self) -> None:
        self.tally = PlayoutTally()
        self._ssrc: int | None = None
        self._estimate = DelayEstimate()
        self._loss = LossEstimate()
        # by timestamp, counted without wrapping
        self._packets: dict[int, ReceivedAudio] = {}
        self._newest = 0
        # the timestamp that is due; None while nothing is played
        self._position: int | None = None
        # what was played reaches to here: of the same stream nothing before it is played again
        self._played_to = 0
        # samples that were made up at this position, without going on
        self._filled = 0
        self._in_pause = self._silent = False
        # another stream has come in the midst of this one
        self._interrupted = False
        # seconds by which the delay is longer than it is to be, smoothed
        self._excess = 0.0
        self._changed_at = -math.inf
        self._concealing = False

    @property
    def idle(self) -> bool:
        """Nothing is played, and nothing waits."""
        return self._position is None and not self._packets and not self._interrupted

    def put(self, packet: ReceivedAudio) -> None:
        if not samples_of(packet.data):
            return
        if packet.ssrc != self._ssrc:
            self._start_anew(packet)
        timestamp = self._counted(packet.timestamp)
        transit = packet.arrived_at - timestamp / AUDIO_CLOCK_RATE
        if self._estimate.is_foreign(transit):
            self._start_anew(packet)
            timestamp = self._counted(packet.timestamp)
            transit = packet.arrived_at - timestamp / AUDIO_CLOCK_RATE
        if timestamp in self._packets:
            return
        self._estimate.add(packet.arrived_at, transit)
        self._loss.add(packet.sequence_number)
        # much is lost: what repeats it has to be there when it is due
        self._estimate.ahead = samples_of(packet.data) / AUDIO_CLOCK_RATE if self._loss.much else 0
        self._newest = max(self._newest, timestamp)
        if timestamp < (self._played_to if self._position is None else self._position):
            self.tally.packets_late += 1
            return
        self._packets[timestamp] = packet
        if len(self._packets) > CAPACITY:
            self._discard(min(self._packets))

    def next(self, at: float) -> Step:
        """What is played at the time `at`, by the clock of `arrived_at`."""
        if self._interrupted:
            self._interrupted = False
            return Step(PlayoutAction.BREAK_OFF, STEP)
        if self._position is None or self._in_pause:
            return self._await_speech(at)
        if self._packets and self._buffered() > MAX_DELAY:
            return self._catch_up()
        packet = self._packets.pop(self._position, None)
        if packet is not None:
            return self._decode(at, packet)
        if self._packets:
            return self._across_hole(at)
        return self._underrun(CONCEALED_AT_MOST)

    def played(self, step: Step, samples: int) -> None:
        """What came of a step that was to be stretched."""
        changed = samples - step.samples
        self._excess += changed / AUDIO_CLOCK_RATE
        if changed > 0:
            self.tally.inserted_samples_for_deceleration += changed
        else:
            self.tally.removed_samples_for_acceleration -= changed

    # --- beginning and end

    def _start_anew(self, packet: ReceivedAudio) -> None:
        self._ssrc = packet.ssrc
        self._estimate, self._loss = DelayEstimate(), LossEstimate()
        self._packets.clear()
        # far from zero: what was sent before it may come after it
        self._newest = _TIMESTAMPS + packet.timestamp
        self._interrupted = self._position is not None
        self._position, self._played_to = None, 0
        self._in_pause = self._silent = False

    def _counted(self, timestamp: int) -> int:
        """Without wrapping."""
        ahead = (timestamp - self._newest) % _TIMESTAMPS
        return self._newest + (ahead if ahead < _TIMESTAMPS // 2 else ahead - _TIMESTAMPS)

    def _await_speech(self, at: float) -> Step:
        """In a pause: until the first packet that waits is due."""
        target = self._estimate.target
        while self._packets:
            first = min(self._packets)
            early = first / AUDIO_CLOCK_RATE + target - at
            if early > 0:
                break
            if early < -(MAX_DELAY / 2) and len(self._packets) > 1:
                self._discard(first)
                continue
            began, self._position = self._position is None, first
            self._in_pause, self._filled, self._excess = False, 0, max(0.0, -early)
            return self._decode(at, self._packets.pop(first))._replace(first=began)
        if self._position is None:
            return Step(PlayoutAction.NOTHING, STEP)
        return self._underrun(0.0 if self._silent else PAUSED_AT_MOST)

    def _underrun(self, at_most: float) -> Step:
        """Nothing is there."""
        self._filled += STEP
        if self._filled > at_most * AUDIO_CLOCK_RATE:
            if self._position is not None:
                self._played_to = self._position
            self._position, self._in_pause, self._filled = None, False, 0
            # where the last sound was silence there is nothing to fade
            return Step(PlayoutAction.NOTHING if self._silent else PlayoutAction.BREAK_OFF, STEP)
        if not self._in_pause:
            self._note_concealed(STEP)
        return Step(PlayoutAction.CONCEAL, STEP)

    # --- on the way

    def _buffered(self) -> float:
        """Seconds of sound between what is due and the newest packet."""
        assert self._position is not None  # noqa: S101 - narrows the type
        return (max(self._packets) - self._position) / AUDIO_CLOCK_RATE

    def _catch_up(self) -> Step:
        """Leave out the oldest: the delay has come to its bound. What is made up meanwhile leads
        over.
        """
        jitter = self._estimate.target - self._estimate.least
        wanted = max(self._packets) - int(jitter * AUDIO_CLOCK_RATE)
        for timestamp in sorted(self._packets):
            if timestamp < wanted and len(self._packets) > 1:
                self._discard(timestamp)
        self._position, self._filled, self._excess = min(self._packets), 0, 0.0
        self._note_concealed(STEP)
        return Step(PlayoutAction.CONCEAL, STEP)

    def _across_hole(self, at: float) -> Step:
        """What is due lacks, and something behind it is there."""
        assert self._position is not None  # noqa: S101 - narrows the type
        following = min(self._packets)
        hole = following - self._position
        if self._filled >= hole:
            # what was made up has taken its place
            self._position = following
            return self._decode(at, self._packets.pop(following))
        rest, self._filled = hole - self._filled, 0
        data = self._packets[following].data
        if rest <= samples_of(data):
            # a whole packet is recovered, or none
            rest = samples_of(data)
            self._position = following
            self._note_concealed(rest)
            self.tally.recovered_samples += rest
            return Step(PlayoutAction.RECOVER, rest, data)
        self._position = following - rest + FRAME
        self._note_concealed(FRAME)
        return Step(PlayoutAction.CONCEAL, FRAME)

    def _decode(self, at: float, packet: ReceivedAudio) -> Step:
        assert self._position is not None  # noqa: S101 - narrows the type
        samples, tally = samples_of(packet.data), self.tally
        delay = at - self._position / AUDIO_CLOCK_RATE
        self._excess += _SMOOTHING * (delay - self._estimate.target - self._excess)
        self._position += samples
        self._filled = 0
        self._concealing = False
        tally.total_samples_received += samples
        tally.jitter_buffer_delay += samples * max(0.0, at - packet.arrived_at)
        tally.jitter_buffer_emitted += samples
        was_silent, self._silent = self._silent, is_silence(packet.data)
        self._in_pause = begins_pause(packet.data)
        if self._in_pause:
            self._silent = was_silent
            return Step(PlayoutAction.NOTHING if was_silent else PlayoutAction.CONCEAL, samples)
        if was_silent and self._silent:
            return Step(PlayoutAction.NOTHING, samples - self._unheard(samples))
        return Step(PlayoutAction.DECODE, samples, packet.data, *self._stretch(at))

    def _unheard(self, samples: int) -> int:
        """How many of these samples of silence are left out, or less than 0: added."""
        if TOO_SHORT <= self._excess <= TOO_LONG:
            return 0
        left_out = max(-samples, min(samples, int(self._excess * AUDIO_CLOCK_RATE)))
        self._excess -= left_out / AUDIO_CLOCK_RATE
        return left_out

    def _stretch(self, at: float) -> tuple[Stretch, bool]:
        hurry = self._excess > HURRY
        if TOO_SHORT <= self._excess <= TOO_LONG:
            return Stretch.NONE, False
        if not hurry and at - self._changed_at < CHANGE_INTERVAL:
            return Stretch.NONE, False
        self._changed_at = at
        return (Stretch.SHORTEN if self._excess > 0 else Stretch.LENGTHEN), hurry

    def _note_concealed(self, samples: int) -> None:
        self.tally.total_samples_received += samples
        self.tally.concealed_samples += samples
        if not self._concealing:
            self._concealing = True
            self.tally.concealment_events += 1

    def _discard(self, timestamp: int) -> None:
        del self._packets[timestamp]
        self.tally.packets_discarded += 1
