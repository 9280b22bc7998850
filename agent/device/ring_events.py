"""The events `ring` and `missed` (PROTOCOL 5): kept until the broker has them, with the time at
which it happened.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from agent.signaling.outbox.entry import Entry
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.topics import Topics

VisitorEvent = wire.RingEvent | wire.MissedEvent


class RingEvents:
    """Of one device. `now` is the time of day in Unix seconds."""

    def __init__(self, outbox: Outbox, topics: Topics, uid: str, now: Callable[[], float]) -> None:
        self._outbox = outbox
        self._topics = topics
        self._uid = uid
        self._now = now
        # rings about which it is not known yet whether a call is placed, by eventId
        self._open: dict[str, Entry] = {}
        self._observers: list[Callable[[VisitorEvent], None]] = []

    def on_event(self, observer: Callable[[VisitorEvent], None]) -> None:
        """Call `observer` with each event that is told, for as long as this lives."""
        self._observers.append(observer)

    def ring(self, button: str, targets: tuple[str, ...]) -> wire.RingEvent:
        """A press that counts, as it stands; not told yet."""
        return wire.RingEvent(**self._header(), button=button, targets=targets)

    def missed(self, ring: wire.RingEvent, message: str | None) -> None:
        """Nobody has taken it."""
        self.tell(
            wire.MissedEvent(
                **self._header(),
                button=ring.button,
                targets=ring.targets,
                conversation=ring.conversation,
                message=message,
            )
        )

    def hold(self, event: wire.RingEvent) -> None:
        """What is said of it if this process dies before it is told."""
        entry = Entry(event.event_id, event.event, self._topic(event), b"")
        self._open[event.event_id] = entry
        self._outbox.note(entry, wire.encode(event))

    def tell(self, event: VisitorEvent) -> None:
        """Once for each eventId."""
        ends = self._open.pop(event.event_id, None)
        payload = wire.encode(event)
        self._outbox.put(event.event, event.event_id, self._topic(event), payload, ends=ends)
        for observer in self._observers:
            observer(event)

    def _topic(self, event: VisitorEvent) -> str:
        return self._topics.event(self._uid, event.event)

    def _header(self) -> dict[str, Any]:
        return {
            "event_id": str(uuid.uuid4()),
            "device": self._uid,
            "timestamp": wire.format_time(self._now()),
        }
