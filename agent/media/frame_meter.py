"""Do frames flow? A meter between the camera and its calls (implements `VideoFeed`, passes
everything on).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from agent.core.call.reasons import SharedBitrate
from agent.core.rate.encoder_demand import EncoderDemand
from agent.errors import MediaError
from agent.ports import AccessUnit, BitrateLimits, VideoFeed, VideoFormat, VideoSubscription

# seconds; an error that comes sooner is the camera's own, which a restart does not mend
GIVES_UP_AFTER = 2.5


class FrameMeter:
    """Counts the frames that `feed` gives, and times how long its subscribers wait for the next.

    A subscription that the camera ends after a wait leaves `gave_up` behind until a frame comes
    again: whoever hung up, the encoder behind it is still wedged.
    """

    def __init__(self, feed: VideoFeed, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.frames = 0
        self.gave_up: float | None = None
        """Seconds that somebody had waited when the camera gave up; None once a frame has come
        again.
        """
        self._feed = feed
        self._monotonic = monotonic
        self._waiting: dict[_MeteredSubscription, float] = {}

    async def subscribe(self, shared: SharedBitrate = SharedBitrate.FOLLOW) -> VideoSubscription:
        return _MeteredSubscription(await self._feed.subscribe(shared), self)

    @property
    def starved(self) -> float:
        """Seconds that somebody has waited for a frame."""
        now = self._monotonic()
        return max((now - since for since in self._waiting.values()), default=0.0)

    def begin_wait(self, subscription: _MeteredSubscription) -> None:
        self._waiting[subscription] = self._monotonic()

    def end_wait(self, subscription: _MeteredSubscription) -> float:
        """Seconds that this wait took."""
        since = self._waiting.pop(subscription, None)
        return 0.0 if since is None else self._monotonic() - since

    def count(self) -> None:
        self.frames += 1
        self.gave_up = None

    def ended_in_want(self, waited: float) -> None:
        if waited >= GIVES_UP_AFTER:
            self.gave_up = waited


class _MeteredSubscription:
    """A `VideoSubscription` whose waiting is timed."""

    def __init__(self, subscription: VideoSubscription, meter: FrameMeter) -> None:
        self._subscription = subscription
        self._meter = meter
        self._closed = False

    @property
    def format(self) -> VideoFormat:
        return self._subscription.format

    @property
    def limits(self) -> BitrateLimits:
        return self._subscription.limits

    @property
    def dropped(self) -> int:
        return self._subscription.dropped

    async def next(self) -> AccessUnit:
        self._meter.begin_wait(self)
        try:
            unit = await self._subscription.next()
        except MediaError:
            waited = self._meter.end_wait(self)
            if not self._closed:
                self._meter.ended_in_want(waited)
            raise
        finally:
            self._meter.end_wait(self)
        self._meter.count()
        return unit

    def request_keyframe(self) -> None:
        self._subscription.request_keyframe()

    def set_demand(self, demand: EncoderDemand) -> None:
        self._subscription.set_demand(demand)

    def close(self) -> None:
        self._closed = True
        self._subscription.close()
