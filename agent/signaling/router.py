"""One reader's messages: filled by the network thread, emptied on the event loop, bounded."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from agent.core.policy.throttle import Admits
from agent.counts import RefusalKind, refusals
from agent.errors import SignalingError
from agent.signaling.broker import Incoming, StreamBounds
from agent.signaling.subscription_grant import SubscriptionGrant

logger = logging.getLogger(__name__)

# topics of which the streams are remembered
_KNOWN_TOPICS = 256
# times its bounds are what a stream that holds back takes at most
_BEYOND = 2


class BoundedStream:
    """See `agent.signaling.broker.MessageStream`.

    On overflow the newest message is dropped: counted in `lost`, logged once for each time that the
    stream fills, and acknowledged if it is QoS 1. Were it not, the connection's window would fill
    with what nobody will ever read.
    """

    def __init__(
        self,
        filters: tuple[str, ...],
        *,
        qos: int = 1,
        essential: bool = False,
        bounds: StreamBounds | None = None,
        throttle: Admits | None = None,
        post: Callable[..., None],
        on_close: Callable[[BoundedStream], None],
    ) -> None:
        """`post` runs a function on the event loop, from any thread."""
        self.filters = filters
        self.qos = qos
        self.essential = essential
        self._bounds = bounds or StreamBounds()
        self._throttle = throttle
        self._pattern = re.compile("|".join(map(_pattern_of, filters)), re.DOTALL)
        self._post = post
        self._on_close = on_close
        self._messages: deque[Incoming] = deque()
        self._arrived = asyncio.Event()
        # `put_` is written by the network thread only, what stands opposite by the event loop only
        self._put_bytes = 0
        self._taken_bytes = 0
        self._put_kept = 0
        self._released = 0
        self._lost = 0
        self._deferred = 0
        self._dropping = False
        self._grant = SubscriptionGrant(filters)
        self._closed = False

    @property
    def lost(self) -> int:
        return self._lost

    @property
    def deferred(self) -> int:
        """Messages that were not acknowledged, as a stream that holds back had no room for them."""
        return self._deferred

    async def receive(self) -> Incoming:
        while True:
            # before the look, as the network thread may add one at any time
            self._arrived.clear()
            if self._messages:
                message = self._messages.popleft()
                self._taken_bytes += len(message.payload)
                return message
            if self._closed:
                raise SignalingError("the connection is closed")
            await self._arrived.wait()

    async def wait_granted(self, timeout: float) -> None:
        await self._grant.wait(timeout)

    def close(self) -> None:
        if self._closed:
            return
        self._on_close(self)
        self.end()
        while self._messages:
            self._messages.popleft().ack()

    # --- for the owner of the connection ----------------------------------------------------------

    def matches(self, topic: str) -> bool:
        return self._pattern.fullmatch(topic) is not None

    def admits(self, topic: str, size: int) -> bool:
        """Whether the throttle lets such a message pass, which is taken into account. Runs in the
        network thread.
        """
        if self._throttle is None or self._throttle(topic, size):
            return True
        refusals.count(RefusalKind.MESSAGE)
        return False

    @property
    def full(self) -> bool:
        """Whether nothing more should be read from the connection for now."""
        bounds = self._bounds
        return bounds.hold_back and (
            len(self._messages) >= bounds.messages
            or self._put_bytes - self._taken_bytes >= bounds.size
        )

    def put(self, message: Incoming) -> bool:
        """Take `message` in, or drop it. False where it was left unacknowledged instead, so that it
        comes again. Runs in the network thread.
        """
        size = len(message.payload)
        if self._closed or not self._has_room(message.qos, size):
            if message.qos and self._bounds.hold_back and not self._closed:
                self._leave()
                return False
            self._drop(message)
            return True
        self._dropping = False
        if message.on_ack is not None:
            kept = self._put_kept - self._released
            # a reader that may lose nothing acknowledges all of it itself
            if self._bounds.hold_back or kept < self._bounds.unacknowledged:
                self._put_kept += 1
                message = replace(message, on_ack=partial(self._release, message.on_ack))
            else:
                message.ack()
        self._put_bytes += size
        self._messages.append(message)
        # counted after it was added: where there are more, the reader looks again by itself
        if len(self._messages) <= 1:
            self._post(self._arrived.set)
        return True

    def answered(self, topic_filter: str, refusal: str | None) -> None:
        """The broker has answered a SUBSCRIBE for one of the filters."""
        self._grant.answered(topic_filter, refusal)

    def disconnected(self) -> None:
        """What the broker had granted counts no more."""
        self._grant.disconnected()

    def end(self) -> None:
        """Nothing more comes. What has arrived can still be read."""
        self._closed = True
        self._arrived.set()

    def _has_room(self, qos: int, size: int) -> bool:
        waiting_bytes = self._put_bytes - self._taken_bytes
        limit = self._bounds.messages if qos else self._bounds.qos_0
        # those on their way when it became full, and what a session brings before it can be held
        beyond = _BEYOND if qos and self._bounds.hold_back else 1
        return (
            len(self._messages) < beyond * limit
            and waiting_bytes + size <= beyond * self._bounds.size
        )

    def _leave(self) -> None:
        self._deferred += 1
        if not self._dropping:
            logger.error(
                "%d messages of %s wait to be read: further ones are left at the broker until the "
                "next connection (%d so far)",
                len(self._messages),
                ", ".join(self.filters),
                self._deferred,
            )
            self._dropping = True

    def _drop(self, message: Incoming) -> None:
        message.ack()
        if self._closed:
            return
        self._lost += 1
        if not self._dropping:
            logger.error(
                "%d messages of %s wait to be read: new ones are dropped (%d so far)",
                len(self._messages),
                ", ".join(self.filters),
                self._lost,
            )
            self._dropping = True

    def _release(self, on_ack: Callable[[], None]) -> None:
        self._released += 1
        on_ack()


class Router:
    """Which message is for which stream. Streams may match the same topics: each gets a copy."""

    def __init__(self) -> None:
        # replaced as a whole, so that the network thread may read it at any time
        self.streams: tuple[BoundedStream, ...] = ()
        # the network thread's: topic -> who of these streams reads it
        self._known: dict[str, tuple[BoundedStream, ...]] = {}
        self._known_of: tuple[BoundedStream, ...] = ()

    @property
    def full(self) -> bool:
        """Whether a stream wants nothing more to be read for now."""
        return any(stream.full for stream in self.streams)

    def add(self, stream: BoundedStream) -> None:
        self.streams = (*self.streams, stream)

    def remove(self, stream: BoundedStream) -> tuple[str, ...]:
        """The filters that no stream has any more."""
        self.streams = tuple(each for each in self.streams if each is not stream)
        wanted = {name for each in self.streams for name in each.filters}
        return tuple(name for name in stream.filters if name not in wanted)

    def wanted(self, topic_filter: str) -> tuple[int, bool]:
        """QoS of the filter, the highest that one of its streams wants, and whether it is
        essential to one.
        """
        streams = [each for each in self.streams if topic_filter in each.filters]
        return (
            max((each.qos for each in streams), default=0),
            any(each.essential for each in streams),
        )

    def readers(self, topic: str, size: int) -> list[BoundedStream]:
        """Who takes a message of `size` bytes. Runs in the network thread, first of all: a refused
        message costs little more than this.
        """
        return [each for each in self._streams_of(topic) if each.admits(topic, size)]

    def _streams_of(self, topic: str) -> tuple[BoundedStream, ...]:
        """A flood comes to few topics, and their patterns cost more than all else of a refusal."""
        streams = self.streams
        if streams is not self._known_of or len(self._known) >= _KNOWN_TOPICS:
            self._known, self._known_of = {}, streams
        found = self._known.get(topic)
        if found is None:
            found = self._known[topic] = tuple(each for each in streams if each.matches(topic))
        return found

    def dispatch(self, message: Incoming, streams: Sequence[BoundedStream]) -> bool:
        """Hand `message` to its readers. Runs in the network thread. What nobody reads is
        acknowledged and dropped. False where a reader has no room for it, and will have it again.
        """
        if len(streams) == 1:
            return streams[0].put(message)
        if not streams:
            message.ack()
        on_ack = message.on_ack and _AckOfAll(message.on_ack, len(streams))
        taken = [stream.put(replace(message, on_ack=on_ack)) for stream in streams]
        return all(taken)

    def answered(self, topic_filter: str, refusal: str | None) -> None:
        for stream in self.streams:
            if topic_filter in stream.filters:
                stream.answered(topic_filter, refusal)

    def disconnected(self) -> None:
        for stream in self.streams:
            stream.disconnected()

    def end(self) -> None:
        for stream in self.streams:
            stream.end()


class _AckOfAll:
    """Acknowledges once as many readers have as got a copy. Called from either thread."""

    def __init__(self, on_ack: Callable[[], None], readers: int) -> None:
        self._on_ack = on_ack
        self._missing = readers
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self._missing -= 1
            missing = self._missing
        if missing == 0:
            self._on_ack()


def _pattern_of(topic_filter: str) -> str:
    """MQTT 5, 4.7: `+` is one level, `#` all that follow and the level before it; neither stands
    for a first level that begins with `$`. A shared subscription (4.8.2) matches as its filter
    does.
    """
    if topic_filter.startswith("$share/"):
        topic_filter = topic_filter.split("/", 2)[2]
    head, separator, _ = topic_filter.partition("#")
    levels = re.escape(head.removesuffix("/") if separator else head).replace(r"\+", "[^/]*")
    start = r"(?!\$)" if topic_filter[:1] in "+#" else ""
    if not separator:
        return f"{start}{levels}"
    return f"{start}{levels}(?:/.*)?" if head else f"{start}.*"
