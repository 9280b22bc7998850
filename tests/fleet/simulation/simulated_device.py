"""One device as a broker sees it: session, will, status, an outbox that loses nothing, the pauses
between attempts. It has no camera and takes no calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from agent.fleet.simulation.virtual_device import WILL_DELAY, VirtualDevice
from agent.signaling.mqtt.backoff import Backoff
from tests.fleet.simulation.mqtt5 import (
    CONNACK,
    DISCONNECT,
    PINGREQ,
    PUBACK,
    PUBLISH,
    DelayedWill,
    PacketReader,
    acknowledged,
    connect_packet,
    puback_packet,
    publish_packet,
    refusal,
    subscribe_packet,
)

KEEPALIVE = 30
SESSION_EXPIRY = 3600
# as the real one; what a broker takes at once without closing the connection
INFLIGHT = 16
# seconds until an attempt without an answer is given up
CONNECT_TIMEOUT = 15.0
_ID_OF_SUBSCRIPTION = 0xFFFF


@dataclass(slots=True)
class FleetCounts:
    """Of all devices together."""

    attempts: int = 0
    connects: int = 0
    connected: int = 0
    lost: int = 0
    refused: int = 0
    sent: int = 0
    acknowledged: int = 0
    # events that calls under way will still bring
    due: int = 0
    # the last order `mark`
    mark: int = 0


@dataclass(slots=True)
class FleetBooks:
    """Every event that was handed to a device's outbox: when the broker acknowledged it, 0 before
    that. Seconds of the monotonic clock.
    """

    acknowledged_at: dict[str, float] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Said:
    """A message in a device's outbox."""

    topic: str
    payload: bytes
    event_id: str = ""


class SimulatedDevice(asyncio.Protocol):
    """Connects when it is told to, and again for as long as it is wanted."""

    __slots__ = (
        "_backoff",
        "_inflight",
        "_next_id",
        "_prefix",
        "_reader",
        "_shared",
        "_timer",
        "_transport",
        "_up_since",
        "_waiting",
        "connected",
        "speaker",
    )

    def __init__(
        self, shared: SharedParts, speaker: VirtualDevice, prefix: str, backoff: Backoff
    ) -> None:
        self.speaker = speaker
        self.connected = False
        self._shared = shared
        self._prefix = f"{prefix}/{self.speaker.uid}"
        self._backoff = backoff
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reader = PacketReader()
        self._next_id = 0
        self._waiting: deque[Said] = deque()
        self._inflight: dict[int, Said] = {}
        self._up_since = 0.0

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self._inflight)

    def begin(self, after: float = 0.0) -> None:
        """Start, or start anew: a process that has a boot of its own."""
        self.speaker.boot(self._shared.now())
        self._timer = self._shared.loop.call_later(after, self._attempt)

    def crash(self, back_after: float) -> None:
        """Without a word. The outbox is on the disk, and goes on after `back_after` seconds."""
        if self._transport is not None and self.connected:
            self._transport.abort()
            self.speaker.boot(self._shared.now())
            # `connection_lost` follows, and would come back by the pauses' rule
            self._shared.away[self.speaker.number] = back_after

    def say(self, event: dict[str, Any], payload: bytes) -> None:
        """Put an event into the outbox. QoS 1."""
        said = Said(f"{self._prefix}/events/{event['event']}", payload, event["eventId"])
        self._shared.books.acknowledged_at.setdefault(said.event_id, 0.0)
        if event["event"] == "closed":
            self._shared.books.closed.add(said.event_id)
        self._waiting.append(said)
        self._flush()

    def say_raw(self, tail: str, payload: bytes) -> None:
        """At most once, as `health` is said; nothing while there is no connection."""
        if self.connected and self._transport is not None:
            self._transport.write(publish_packet(f"{self._prefix}/{tail}", payload))
            self._shared.counts.sent += 1

    def ping(self) -> None:
        if self.connected and self._transport is not None:
            self._transport.write(PINGREQ)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._reader = PacketReader()
        shared = self._shared
        gone = DelayedWill(
            f"{self._prefix}/status", self.speaker.status(shared.now(), "offline"), WILL_DELAY
        )
        self._transport.write(
            connect_packet(self.speaker.uid, keepalive=KEEPALIVE, expiry=SESSION_EXPIRY, will=gone)
        )
        self._timer = shared.loop.call_later(CONNECT_TIMEOUT, self._transport.abort)

    def connection_lost(self, error: Exception | None) -> None:
        shared = self._shared
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        if self.connected:
            self.connected = False
            shared.counts.connected -= 1
            shared.counts.lost += 1
            self._backoff.held(shared.loop.time() - self._up_since)
        # in the order in which it was first said
        self._waiting.extendleft(reversed(self._inflight.values()))
        self._inflight.clear()
        away = shared.away.pop(self.speaker.number, None)
        if not shared.ended:
            pause = self._backoff.next(slow=False) if away is None else away
            self._timer = shared.loop.call_later(pause, self._attempt)

    def data_received(self, data: bytes) -> None:
        for kind, body in self._reader.feed(data):
            if kind == PUBACK:
                self._on_acknowledged(acknowledged(body))
            elif kind == CONNACK:
                self._on_answer(body)
            elif kind == PUBLISH:
                length = int.from_bytes(body[:2], "big")
                number = int.from_bytes(body[2 + length : 4 + length], "big")
                self._write(puback_packet(number))
            elif kind == DISCONNECT and self._transport is not None:
                self._transport.close()

    def _attempt(self) -> None:
        self._shared.counts.attempts += 1
        self._shared.open(self)

    def failed(self) -> None:
        """There was nobody to connect to."""
        if not self._shared.ended:
            pause = self._backoff.next(slow=False)
            self._timer = self._shared.loop.call_later(pause, self._attempt)

    def _on_answer(self, body: bytes) -> None:
        shared = self._shared
        if refusal(body):
            shared.counts.refused += 1
            return
        if self._timer is not None:
            self._timer.cancel()
        self.connected = True
        self._up_since = shared.loop.time()
        shared.counts.connects += 1
        shared.counts.connected += 1
        now = shared.now()
        uid = self.speaker.uid
        if not body[0] & 1:
            # no session yet: what a real one asks for
            self._write(
                subscribe_packet(
                    _ID_OF_SUBSCRIPTION,
                    self._prefix.removesuffix(uid) + f"{uid}/signal/+",
                    f"{self._prefix}/command/+",
                    f"{self._prefix}/status",
                )
            )
        for tail, payload in (
            ("status", self.speaker.status(now)),
            ("about", self.speaker.about()),
        ):
            self._write(
                publish_packet(f"{self._prefix}/{tail}", payload, self._new_id(), retain=True)
            )
            shared.counts.sent += 1
        self._flush()

    def _flush(self) -> None:
        if not self.connected:
            return
        while self._waiting and len(self._inflight) < INFLIGHT - 2:
            said = self._waiting.popleft()
            number = self._new_id()
            self._inflight[number] = said
            self._write(publish_packet(said.topic, said.payload, number))
            self._shared.counts.sent += 1

    def _on_acknowledged(self, number: int) -> None:
        said = self._inflight.pop(number, None)
        if said is None:
            return
        shared = self._shared
        shared.counts.acknowledged += 1
        if said.event_id:
            shared.books.acknowledged_at[said.event_id] = shared.loop.time()
        if self._waiting:
            self._flush()

    def _new_id(self) -> int:
        self._next_id = self._next_id % 60_000 + 1
        return self._next_id

    def _write(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.write(packet)


@dataclass(slots=True)
class SharedParts:
    """What all devices of a process use."""

    loop: asyncio.AbstractEventLoop
    # Unix time in seconds
    now: Callable[[], float]
    # connects a device, or tells it that it failed
    open: Callable[[SimulatedDevice], None]
    counts: FleetCounts = field(default_factory=FleetCounts)
    books: FleetBooks = field(default_factory=FleetBooks)
    # how long each device that has crashed stays away, by its number
    away: dict[int, float] = field(default_factory=dict)
    ended: bool = False
