"""What waits in the outbox, and what is changed of it on the disk."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Entry:
    """One event. `payload` of a call's entry is what will be said of it if we die; it changes as
    the call goes on.
    """

    event_id: str
    kind: str
    topic: str
    payload: bytes
    # its place in the file, given at the first attempt to write it
    seq: int | None = None
    written: bool = False
    acknowledged: bool = False
    refusals: int = 0
    # when it was put, on the event loop's clock
    since: float = 0.0
    # its place among what was handed to the broker
    order: int = 0
    # written, or known not to be
    settled: bool = False

    @property
    def size(self) -> int:
        return len(self.payload) + len(self.topic) + len(self.event_id)


@dataclass(frozen=True, slots=True, eq=False)
class Put:
    """An event that waits for the broker from now on. The call that `ends` with it has no other
    last word.
    """

    entry: Entry
    ends: Entry | None = None
    durable: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Note:
    """What is known of a call under way."""

    call: Entry
    payload: bytes
    durable: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Forget:
    """The broker has the event."""

    entry: Entry
    durable: bool = False


Change = Put | Note | Forget
