"""The queues between a hub and its subscribers, and the rules for when they are full."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic

from agent.core.call.reasons import SharedBitrate
from agent.core.rate.encoder_demand import EncoderDemand
from agent.core.rate.shared_encoder import EncoderClaim
from agent.errors import MediaEnded, MediaError
from agent.media.base.video_source import UnitT
from agent.ports import AccessUnit, AudioPacket, BitrateLimits, VideoFormat

VIDEO_QUEUE_LENGTH = 8
"""Pictures: 267 ms at 30 fps. What is older is useless in a call."""
AUDIO_QUEUE_LENGTH = 10
"""Packets of 20 ms."""


class DecodableQueue:
    """A bounded queue of access units of which a decoder can always decode every one that comes
    out.

    It begins at a key frame. When full, everything in it goes, and so does what follows up to the
    next key frame.
    """

    def __init__(self, length: int = VIDEO_QUEUE_LENGTH) -> None:
        self._units: deque[AccessUnit] = deque()
        self._length = length
        self.needs_keyframe = True
        """Nothing can be queued before the next key frame."""
        self.dropped = 0
        """Units thrown away; what comes before the first key frame does not count."""
        self._begun = False

    def __len__(self) -> int:
        return len(self._units)

    def put(self, unit: AccessUnit) -> None:
        if len(self._units) >= self._length:
            self.dropped += len(self._units)
            self._units.clear()
            self.needs_keyframe = True
        if unit.keyframe:
            self.needs_keyframe = False
            self._begun = True
        if not self.needs_keyframe:
            self._units.append(unit)
        elif self._begun:
            self.dropped += 1

    def get(self) -> AccessUnit | None:
        """The oldest unit; None where there is none."""
        return self._units.popleft() if self._units else None


class DroppingQueue(Generic[UnitT]):
    """A bounded queue that drops the oldest when full: each packet of sound can be decoded without
    the others.
    """

    def __init__(self, length: int = AUDIO_QUEUE_LENGTH) -> None:
        self._units: deque[UnitT] = deque(maxlen=length)
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._units)

    def put(self, unit: UnitT) -> None:
        if len(self._units) == self._units.maxlen:
            self.dropped += 1
        self._units.append(unit)

    def get(self) -> UnitT | None:
        """The oldest unit; None where there is none."""
        return self._units.popleft() if self._units else None


class _Reader:
    """Lets one task wait for what another part of the event loop puts in, until the end. Times are
    those of the event loop, in seconds.
    """

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None
        self._waiting_since = 0.0
        self._ended: MediaError | None = None

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def end(self, reason: MediaError) -> None:
        """Nothing more comes. The first reason stays."""
        if self._ended is None:
            self._ended = reason
        self.wake()

    def check(self) -> None:
        """Raises MediaEnded after the end."""
        if self._ended is not None:
            raise MediaEnded(str(self._ended)) from self._ended

    @property
    def waits(self) -> bool:
        return self._waiter is not None and not self._waiter.done()

    def waited(self) -> float:
        """Seconds of the wait that goes on; 0 where no task waits."""
        return asyncio.get_running_loop().time() - self._waiting_since if self.waits else 0.0

    async def wait(self) -> None:
        """Until something was put in after this was called, or the end came."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        self._waiting_since = loop.time()
        await self._waiter


class VideoQueueSubscription:
    """A `VideoSubscription`. What concerns the encoder goes to the hub through the callbacks.

    `on_end` gets the seconds that the reader had waited when the source ended the subscription, and
    0 where the reader closed it.
    """

    def __init__(
        self,
        *,
        get_format: Callable[[], VideoFormat],
        on_request: Callable[[], None],
        on_demand: Callable[[], None],
        on_end: Callable[[VideoQueueSubscription, float], None],
        length: int = VIDEO_QUEUE_LENGTH,
        limits: BitrateLimits | None = None,
        shared: SharedBitrate = SharedBitrate.FOLLOW,
    ) -> None:
        self.limits = limits or BitrateLimits()
        self._queue = DecodableQueue(length)
        self._reader = _Reader()
        self._skips = False
        self._get_format = get_format
        self._on_request = on_request
        self._on_demand = on_demand
        self._on_end = on_end
        self.claim = EncoderClaim(None, shared)
        """What this conversation asks of the encoder."""

    @property
    def format(self) -> VideoFormat:
        return self._get_format()

    @property
    def dropped(self) -> int:
        return self._queue.dropped

    @property
    def waits_for_keyframe(self) -> bool:
        """Whether one would be of use at once: not to a reader that skips, as the one of a
        transport that is being set up does, or has stopped, as that of a dead one.
        """
        return self._queue.needs_keyframe and self._reader.waits and not self._skips

    @property
    def waited(self) -> float:
        """Seconds that the reader has waited for the next picture."""
        return self._reader.waited()

    async def next(self) -> AccessUnit:
        while True:
            self._reader.check()
            unit = self._queue.get()
            if unit is not None:
                return unit
            await self._reader.wait()

    async def skip(self) -> AccessUnit | None:
        self._reader.check()
        if not len(self._queue):
            self._skips = True
            try:
                await self._reader.wait()
            finally:
                self._skips = False
            self._reader.check()
        return self._queue.get()

    def request_keyframe(self) -> None:
        self._on_request()

    def set_demand(self, demand: EncoderDemand | None) -> None:
        """None: none, as nothing is sent."""
        self.claim = self.claim._replace(demand=demand)
        self._on_demand()

    def put(self, unit: AccessUnit) -> None:
        self._queue.put(unit)
        # who skips has got its picture, whatever it is
        if len(self._queue) or self._skips:
            self._reader.wake()

    def end(self, reason: MediaError) -> None:
        """The source gives nothing more."""
        waited = self.waited
        self._reader.end(reason)
        self._on_end(self, waited)

    def close(self) -> None:
        self._reader.end(MediaEnded("the subscription was closed"))
        self._on_end(self, 0.0)


class AudioQueueSubscription:
    """An `AudioSubscription`."""

    def __init__(
        self,
        *,
        on_close: Callable[[AudioQueueSubscription], None],
        on_loss: Callable[[], None] = lambda: None,
        on_mute: Callable[[], None] = lambda: None,
        muted: bool = False,
        length: int = AUDIO_QUEUE_LENGTH,
    ) -> None:
        self.expected_loss = 0.0
        self.muted = muted
        self._queue: DroppingQueue[AudioPacket] = DroppingQueue(length)
        self._reader = _Reader()
        self._on_close = on_close
        self._on_loss = on_loss
        self._on_mute = on_mute

    @property
    def dropped(self) -> int:
        return self._queue.dropped

    def expect_loss(self, fraction: float) -> None:
        self.expected_loss = fraction
        self._on_loss()

    def mute(self, muted: bool) -> None:
        self.muted = muted
        self._on_mute()

    async def next(self) -> AudioPacket:
        while True:
            self._reader.check()
            packet = self._queue.get()
            if packet is not None:
                return packet
            await self._reader.wait()

    def put(self, packet: AudioPacket) -> None:
        self._queue.put(packet)
        self._reader.wake()

    def end(self, reason: MediaError) -> None:
        self._reader.end(reason)
        self._on_close(self)

    def close(self) -> None:
        self.end(MediaEnded("the subscription was closed"))
