"""How the outbox behaves, and how it fares."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.signaling.outbox.store import Limits


@dataclass(frozen=True, slots=True)
class OutboxOptions:
    """Times in seconds."""

    limits: Limits = field(default_factory=Limits)
    # for an event to be written before it goes without
    patience: float = 1.0
    # likewise for the begin of a call: the caller waits for the answer
    begin_patience: float = 0.25
    # for the disk to say what an earlier process has left
    open_timeout: float = 1.0
    # for the disk to give back what waits there
    read_timeout: float = 5.0
    # until a disk that failed is tried again
    retry: float = 15.0
    # until an event that the broker refused is tried again
    refusal_delay: float = 5.0
    # for the last events to be acknowledged
    close_timeout: float = 1.0
    # and then for the disk
    disk_timeout: float = 3.0


@dataclass(frozen=True, slots=True)
class OutboxHealth:
    """`trouble` None: the disk works. Numbers of events; all but `waiting` since the start."""

    trouble: str | None = None
    waiting: int = 0
    lost: int = 0
    # calls that were under way when an earlier process died
    recovered: int = 0
    # files that could not be used
    set_aside: int = 0
