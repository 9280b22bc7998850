"""What Home Assistant has been told, over a restart of the device: only so can be taken back what
the device offers no longer.

A removal that nobody hears leaves a ghost in Home Assistant: an entity that is unavailable for
ever, and that a later removal does not reach, as Home Assistant no longer knows where it came from.
So each removal is kept until Home Assistant has said that it listens. Then it is told of the entity
once more, not retained, and at once of its removal.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from agent.homeassistant.discovery_message import DiscoveryMessage
from agent.homeassistant.entities import Component

# topics, of earlier names of the device: more than anybody has
MOST = 8


@dataclass(frozen=True, slots=True)
class Publication:
    topic: str
    payload: bytes
    retain: bool


@dataclass(slots=True)
class Announcement:
    """On one topic: the device as it was told, its entities, and those to be removed yet."""

    head: dict[str, Any]
    components: dict[str, Component]
    removed: dict[str, Component] = field(default_factory=dict)
    # of a whole device that is gone: the broker was told
    told: bool = False


class AnnouncedDevice:
    """By topic. `current` is what stands; None: Home Assistant is to know nothing of the device."""

    def __init__(self, kept: bytes | None = None) -> None:
        """`kept` is what `kept()` returned. Raises ValueError where it cannot be read."""
        self.current: DiscoveryMessage | None = None
        self._known: dict[str, Announcement] = {}
        if kept is not None:
            try:
                known = json.loads(kept)
                self._known = {topic: Announcement(**each) for topic, each in known.items()}
            except (TypeError, AttributeError) as error:
                raise ValueError(str(error)) from error

    @property
    def idle(self) -> bool:
        """Whether nothing is, or was, announced."""
        return self.current is None and not self._known

    def kept(self) -> bytes | None:
        """To be kept on the disk; None: nothing."""
        if not self._known:
            return None
        known = {
            topic: {
                "head": each.head,
                "components": each.components,
                "removed": each.removed,
                "told": each.told,
            }
            for topic, each in self._known.items()
        }
        return json.dumps(known, ensure_ascii=False, separators=(",", ":")).encode()

    def announce(self, message: DiscoveryMessage | None) -> None:
        """From now on this."""
        self.current = message
        if message is None:
            return
        before = self._known.pop(message.topic, None)
        removed: dict[str, Component] = {}
        if before is not None:
            removed = {**before.removed, **before.components}
        components = dict(message.components)
        removed = {name: each for name, each in removed.items() if name not in components}
        self._known[message.topic] = Announcement(dict(message.head), components, removed)
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]

    @property
    def payload(self) -> bytes | None:
        """What is retained at the current topic."""
        if self.current is None:
            return None
        return self.current.payload(self._known[self.current.topic].removed)

    def gone(self) -> list[str]:
        """Topics of which the broker does not know yet that nothing stands there any more."""
        return [topic for topic, each in self._gone().items() if not each.told]

    def told_gone(self, topic: str) -> None:
        """The broker knows."""
        if topic in self._known:
            self._known[topic].told = True

    def born(self) -> list[Publication]:
        """What a Home Assistant that listens from now on has to be told beside the current payload,
        in this order: what is gone, and that it is.
        """
        found: list[Publication] = []
        for topic, each in self._gone().items():
            whole = DiscoveryMessage(topic, each.head, each.components)
            found.append(Publication(topic, whole.payload_with(each.removed), retain=False))
            found.append(Publication(topic, b"", retain=True))
        if self.current is not None and (removed := self._known[self.current.topic].removed):
            topic = self.current.topic
            found.append(Publication(topic, self.current.payload_with(removed), retain=False))
            found.append(Publication(topic, self.current.payload(removed), retain=True))
        return found

    def settle(self) -> None:
        """What `born` returned has been said: nothing is left to be removed. The payload that
        removes it stands until the next announcement.
        """
        for topic in self._gone():
            del self._known[topic]
        if self.current is not None:
            self._known[self.current.topic].removed = {}

    def _gone(self) -> dict[str, Announcement]:
        current = None if self.current is None else self.current.topic
        return {topic: each for topic, each in self._known.items() if topic != current}
