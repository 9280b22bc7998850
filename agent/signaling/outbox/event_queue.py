"""The rules of the outbox: which event goes to the broker next, and what is kept where.

Pure: inputs are what was put, what the disk and the broker answer, and the time; outputs are
effects, which `outbox.Outbox` carries out. Every event that was put is published at least once or
counted as lost, and while the disk answers never before its predecessors.

While the broker is away the newest events stay in memory as well as on the disk, and beyond
`MEMORY` of them on the disk only. What is read back from there goes before anything newer. Where
the disk fails too, the oldest `response` in memory is dropped first, then the oldest `closed`: the
same rule as the file's.

A broker that refuses an event three times has it left out until the next connection, or nothing
else would get by.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from agent.signaling.outbox.entry import Entry, Forget, Put

# events that wait for the broker's acknowledgment
WINDOW = 16
# events that wait in memory while the disk works
MEMORY = 64
# and while it does not
MEMORY_ALONE = 1000
# bytes; what is larger is not written
MAX_PAYLOAD = 64 * 1024
MAX_REFUSALS = 3


@dataclass(frozen=True, slots=True)
class Publish:
    """Hand it to the broker; `acknowledged` or `refused` follows."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Take the oldest events above the place `after` off the disk; `read_back` or `read_failed`
    follows, and `read_late` before it where that takes long.
    """

    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """Tell that the disk does not answer."""


@dataclass(frozen=True, slots=True)
class Idle:
    """There is nothing to do before the next input, or `until`, on the clock of `step`."""

    until: float | None = None


Step = Publish | ReadBack | Stalled | Idle


class _Reading(Enum):
    NONE = auto()
    UNDER_WAY = auto()
    # it takes too long: what is in memory goes on without
    LATE = auto()


class EventQueue:
    """The events of one process, and those that earlier ones left on the disk. Times in seconds."""

    def __init__(self, *, patience: float, refusal_delay: float) -> None:
        """`patience` is for an event to be written before it goes without; `refusal_delay` until
        one that the broker refused is tried again.
        """
        self._patience = patience
        self._refusal_delay = refusal_delay
        # in order; not yet handed to the broker
        self.memory: deque[Entry] = deque()
        # read back, or refused; these go first
        self.ready: deque[Entry] = deque()
        self.inflight: dict[str, Entry] = {}
        # the disk may hold events that come before those in memory
        self.behind = True
        # likewise, and since the last look
        self._more = True
        # in the file, up to where everything was handed to the broker
        self.place = 0
        self._reading = _Reading.NONE
        # the disk was asked once: from then on, what is new is kept in memory as well
        self._looked = False
        # the disk could not be read: the next event comes from memory
        self._passed_over = False
        # acknowledged while the disk was being read
        self._gone: set[str] = set()
        self._left_out = False
        # the next look at the file is for what was left out, too
        self._from_start = False
        # the disk did not answer in time, and has not since
        self.stalled = False
        self._order = 0
        self.lost = 0
        self._not_before = 0.0

    @property
    def waiting(self) -> bool:
        """Whether anything is left that the broker has not acknowledged."""
        return bool(self.memory or self.ready or self.inflight or self.behind)

    @property
    def unwritten(self) -> int:
        """Events that are in memory only."""
        return sum(not entry.written for entry in (*self.memory, *self.inflight.values()))

    # --- from those who have something to say -----------------------------------------------------

    def put(self, entry: Entry, ends: Entry | None = None) -> Put | None:
        """Have an event delivered: what is to be written of it, if anything."""
        self.memory.append(entry)
        entry.settled = len(entry.payload) > MAX_PAYLOAD
        self._bound_memory()
        return None if entry.settled else Put(entry, ends)

    def pass_on(self, entry: Entry) -> None:
        """Have an event delivered that is not kept, yet not before those that wait to be
        written.
        """
        entry.settled = True
        self.memory.append(entry)
        self._bound_memory()

    # --- to the broker ----------------------------------------------------------------------------

    def step(self, now: float, *, connected: bool) -> Step:
        """What is to be done next. Call it again after everything but `Idle`, and after every
        input.
        """
        if self._reading is _Reading.UNDER_WAY:
            return Idle()
        if not self._looked:
            return self._read()
        if not connected or len(self.inflight) >= WINDOW:
            return Idle()
        if now < self._not_before:
            return Idle(self._not_before)
        if (
            self.behind
            and not self.ready
            and self._reading is _Reading.NONE
            and not self._passed_over
        ):
            return self._read()
        if self.ready:
            return self._publish(self.ready.popleft())
        return self._from_memory(now)

    def _from_memory(self, now: float) -> Step:
        if not self.memory:
            self._passed_over = False
            return Idle()
        head = self.memory[0]
        if not head.settled:
            patient_until = head.since + self._patience
            if now < patient_until:
                return Idle(patient_until)
            if self.disk_stalls():
                return Stalled()
        self.memory.popleft()
        if not self.behind:
            self.place = max(self.place, head.seq or 0)
        return self._publish(head)

    def _publish(self, entry: Entry) -> Publish:
        self._passed_over = False
        self._order += 1
        entry.order = self._order
        self.inflight[entry.event_id] = entry
        return Publish(entry)

    def acknowledged(self, entry: Entry) -> Forget | None:
        """The broker has it."""
        self.inflight.pop(entry.event_id, None)
        entry.acknowledged = True
        if self._reading is not _Reading.NONE:
            self._gone.add(entry.event_id)
        return Forget(entry) if entry.written else None

    def refused(self, entry: Entry, now: float) -> str | None:
        """The broker does not take it: in a word what becomes of it, where it is not tried
        again.
        """
        self.inflight.pop(entry.event_id, None)
        entry.refusals += 1
        if entry.refusals < MAX_REFUSALS:
            again = sorted(
                (entry, *(each for each in self.ready if each.order)), key=lambda each: each.order
            )
            self.ready = deque((*again, *(each for each in self.ready if not each.order)))
            self._not_before = now + self._refusal_delay
            return None
        if entry.written:
            self._left_out = True
            return "left until the next connection"
        self.lost += 1
        return "lost"

    def connected(self) -> None:
        """There is a new connection."""
        self._not_before = 0.0
        if self._left_out:
            self._left_out, self._from_start = False, True
            self.fall_behind()

    # --- memory and disk --------------------------------------------------------------------------

    def _read(self) -> ReadBack:
        self._looked = True
        # only now: one that was under way would have moved the place on again
        if self._from_start:
            self.place, self._from_start = 0, False
        self._more = False
        self._gone.clear()
        self._reading = _Reading.UNDER_WAY
        return ReadBack(self.place, WINDOW)

    def read_late(self) -> None:
        """The disk takes its time: what is in memory goes on without."""
        if self._reading is _Reading.UNDER_WAY:
            self._reading = _Reading.LATE

    def read_failed(self) -> None:
        self._reading = _Reading.NONE
        self._passed_over = True

    def read_back(self, entries: Sequence[Entry]) -> None:
        """Line up what was read, but for what is on its way, or has been acknowledged in the
        meantime.
        """
        self._reading = _Reading.NONE
        known = {*self.inflight, *self._gone, *(entry.event_id for entry in self.ready)}
        in_memory = {entry.event_id: entry for entry in self.memory}
        for entry in entries:
            if entry.event_id in in_memory:  # written after all
                self.memory.remove(in_memory[entry.event_id])
                self.ready.append(in_memory[entry.event_id])
            elif entry.event_id not in known:
                self.ready.append(entry)
        if entries:
            self.place = entries[-1].seq or 0
        self.behind = self._more or len(entries) == WINDOW

    def settled(self, entries: Sequence[Entry]) -> list[Forget]:
        """They were written, or are known not to be for now: what can be removed at once."""
        forget = []
        for entry in entries:
            if not entry.written:
                continue
            # while it was being written
            if entry.acknowledged:
                forget.append(Forget(entry))
            if self.behind:
                self._more = True
                with contextlib.suppress(ValueError):
                    self.memory.remove(entry)
            elif entry.event_id in self.inflight or entry.acknowledged:
                self.place = max(self.place, entry.seq or 0)
        return forget

    def begun_anew(self) -> list[Put]:
        """There is a new file: what was in the old one, and waits here as well, goes into it."""
        waiting = (*self.inflight.values(), *self.ready, *self.memory)
        return [Put(entry) for entry in waiting if entry.written]

    def disk_stalls(self) -> bool:
        """The disk did not answer in time. True where that is news."""
        news, self.stalled = not self.stalled, True
        return news

    def disk_answers(self) -> bool:
        """The disk has answered. True where that is news."""
        news, self.stalled = self.stalled, False
        return news

    def fall_behind(self) -> None:
        """What is on the disk comes from there from now on."""
        self.memory = deque(entry for entry in self.memory if not entry.written)
        self.behind = self._more = True

    def _bound_memory(self) -> None:
        if len(self.memory) > MEMORY:
            self.fall_behind()
        while len(self.memory) > MEMORY_ALONE:
            victim = next(
                (entry for entry in self.memory if entry.kind != "closed"), self.memory[0]
            )
            self.memory.remove(victim)
            # not to be written either
            victim.acknowledged = True
            self.lost += 1
