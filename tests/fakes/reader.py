"""A broker with one stream to read, for tests of which one reader is all."""

from __future__ import annotations

from typing import TypeVar
from weakref import WeakKeyDictionary

from agent.signaling.broker import Broker, MessageStream

B = TypeVar("B", bound=Broker)

_streams: WeakKeyDictionary[Broker, MessageStream] = WeakKeyDictionary()


def reading(broker: B, *filters: str, essential: bool = False) -> B:
    """`broker`, with a stream of `filters`."""
    _streams[broker] = broker.subscribe(*filters, essential=essential)
    return broker


def stream_of(broker: Broker) -> MessageStream:
    """What `reading` subscribed to."""
    return _streams[broker]
