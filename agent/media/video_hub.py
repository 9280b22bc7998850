"""The camera hub: one encoder for all conversations (implements `VideoFeed`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from agent.core.call.reasons import SharedBitrate
from agent.core.rate.encoder_demand import EncoderDemand
from agent.core.rate.shared_encoder import shared_demand
from agent.errors import MediaError
from agent.h264.parameter_sets import signaled_profile
from agent.media.base.video_source import (
    FramerateControl,
    SourceDescription,
    VideoOptions,
    VideoSource,
)
from agent.media.jpeg import Jpeg, Still
from agent.media.keyframe_limiter import KeyframeDecision, KeyframeLimiter
from agent.media.on_demand import REOPEN_TIMEOUT, STALL_TIMEOUT, OnDemandSource
from agent.media.still import StillCapture, take_still
from agent.media.subscription import VIDEO_QUEUE_LENGTH, VideoQueueSubscription
from agent.media.timestamp_rebaser import TimestampRebaser
from agent.ports import AccessUnit, BitrateLimits, VideoFormat, VideoSubscription

logger = logging.getLogger(__name__)

GIVES_UP_AFTER = 2.5
"""Seconds; an end that comes sooner is the camera's own error, which a restart does not mend."""


class VideoHub:
    """Starts `source` for the first subscription and stops it after the last, `linger` seconds
    later.

    Key frame requests of all subscriptions are coalesced and limited. The encoder follows the
    lowest bitrate that a subscription asked for (of those that it follows), between the
    `min_bitrate` and `max_bitrate` of `options`; below the minimum it is given fewer pictures. A
    source that breaks during a call is restarted, and the subscriptions go on; `on_health` hears
    what broke it, and None when it works; `on_device` whether it may be open. `starved`
    and `gave_up` tell a watchdog whether pictures flow: an encoder that gave none stays wedged
    after the call was hung up.
    """

    def __init__(
        self,
        source: VideoSource,
        options: VideoOptions | None = None,
        *,
        linger: float = 0.0,
        queue_length: int = VIDEO_QUEUE_LENGTH,
        stall_timeout: float = STALL_TIMEOUT,
        reopen_timeout: float = REOPEN_TIMEOUT,
        on_health: Callable[[MediaError | None], None] = lambda _failure: None,
        on_device: Callable[[bool], None] = lambda _open: None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._source = source
        self._options = options or VideoOptions()
        self._queue_length = queue_length
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._subscriptions: set[VideoQueueSubscription] = set()
        self._limiter = KeyframeLimiter()
        self._held: asyncio.TimerHandle | None = None
        self._bitrate = self._options.bitrate
        self._divisor = 1
        self._timestamps = TimestampRebaser()
        self._last_keyframe: AccessUnit | None = None
        self.gave_up: float | None = None
        """Seconds that a reader had waited when the source ended; None once a picture has come."""
        self._shared = OnDemandSource(
            source,
            linger=linger,
            stall_timeout=stall_timeout,
            reopen_timeout=reopen_timeout,
            before_start=self._before_start,
            on_start=self._on_start,
            adapt=self._timestamps.place,
            on_unit=self._on_unit,
            on_health=on_health,
            on_device=on_device,
        )

    @property
    def running(self) -> bool:
        return self._shared.running

    @property
    def bitrate(self) -> int:
        """The target that the encoder was last given, in bit/s, as if no picture were left out."""
        return self._bitrate

    @property
    def starved(self) -> float:
        """Seconds that a subscription has waited for a picture; 0 where none waits."""
        return max((each.waited for each in self._subscriptions), default=0.0)

    def describe(self) -> SourceDescription:
        return self._source.describe()

    async def subscribe(self, shared: SharedBitrate = SharedBitrate.FOLLOW) -> VideoSubscription:
        """Raises MediaUnavailable where the source cannot be opened. One that joins in mid-stream
        asks for a key frame when it is read.
        """
        subscription = VideoQueueSubscription(
            get_format=self._signaled_format,
            on_request=self.request_keyframe,
            on_demand=self._follow_demand,
            on_end=self._ended,
            length=self._queue_length,
            limits=self._limits_for(shared),
            shared=shared,
        )
        self._subscriptions.add(subscription)
        try:
            await self._shared.join(subscription)
        except BaseException:
            self._leave(subscription)
            raise
        return subscription

    def request_keyframe(self) -> None:
        """Ask the encoder for an IDR: now, or as soon as the limit allows. Nothing happens while it
        is not running.
        """
        if not self._shared.running:
            return
        now = self._clock()
        decision = self._limiter.request(now)
        if decision is KeyframeDecision.SEND:
            self._source.request_keyframe()
        elif decision is KeyframeDecision.HOLD and self._held is None:
            self._held = asyncio.get_running_loop().call_later(
                self._limiter.hold_left(now), self._serve_held
            )

    async def snapshot(self, max_bytes: int) -> Jpeg:
        """A picture that fits into so many bytes. Raises MediaUnavailable."""
        return await asyncio.to_thread((await self.still()).jpeg, max_bytes)

    async def still(self) -> Still:
        """The picture now, without a change to the video; starts the source where it is not
        running. Raises MediaUnavailable.
        """
        capture = StillCapture()
        await self._shared.join(capture)
        try:
            await capture.seen(lambda: self._last_keyframe is not None)
            return Still(await asyncio.to_thread(take_still, self._source, self._last_keyframe))
        finally:
            self._shared.leave(capture)

    async def bar(self, barred: bool) -> None:
        """See `OnDemandSource.bar`: True closes the camera, and keeps it closed."""
        if barred:
            self._drop_held()
        await self._shared.bar(barred)

    async def close(self) -> None:
        """Stop the source and end every subscription; wait until both have happened."""
        self._drop_held()
        await self._shared.close()
        self._drop_held()

    def _limits_for(self, shared: SharedBitrate) -> BitrateLimits:
        """One that the encoder does not follow begins with what the encoder makes."""
        limits = self._options.limits
        return limits if shared is SharedBitrate.FOLLOW else replace(limits, bitrate=self._bitrate)

    def _signaled_format(self) -> VideoFormat:
        video = self._source.format
        return replace(video, profile_level_id=signaled_profile(video.profile_level_id))

    def _ended(self, subscription: VideoQueueSubscription, waited: float) -> None:
        if waited >= GIVES_UP_AFTER:
            self.gave_up = waited
        self._leave(subscription)

    def _leave(self, subscription: VideoQueueSubscription) -> None:
        self._subscriptions.discard(subscription)
        self._shared.leave(subscription)
        self._follow_demand()

    def _before_start(self) -> None:
        self._timestamps.restart()
        self._last_keyframe = None

    def _on_start(self) -> None:
        self._drop_held()
        self._limiter = KeyframeLimiter()
        self._bitrate = self._options.bitrate
        self._divisor = 1
        self._follow_demand()

    def _on_unit(self, unit: AccessUnit) -> None:
        self.gave_up = None
        if unit.keyframe:
            self._last_keyframe = unit
            self._limiter.satisfied()
        elif any(each.waits_for_keyframe for each in self._subscriptions):
            self._request_for_waiting()

    def _request_for_waiting(self) -> None:
        """A subscription cannot go on without one. Not held: while it does not come, the next
        picture asks again.
        """
        if self._limiter.overdue(self._clock()):
            self.request_keyframe()

    def _serve_held(self) -> None:
        self._held = None
        if self._limiter.due(self._clock()) and self._shared.running:
            self._source.request_keyframe()

    def _drop_held(self) -> None:
        if self._held is not None:
            self._held.cancel()
            self._held = None

    def _follow_demand(self) -> None:
        if not self._shared.running:
            return
        demand = shared_demand(
            (each.claim for each in self._subscriptions),
            otherwise=EncoderDemand(self._options.bitrate),
        )
        wanted = demand.divided(self._choose_divisor(demand)).bitrate
        target = max(self._options.min_bitrate, min(wanted, self._options.max_bitrate))
        if target != self._bitrate:
            self._bitrate = target
            self._source.set_bitrate(target)

    def _choose_divisor(self, demand: EncoderDemand) -> int:
        """Fewer pictures where the path holds too little for each of them, and the source can."""
        if not isinstance(self._source, FramerateControl):
            return 1
        video = self._source.format
        pixel_rate = video.width * video.height * video.framerate
        divisor = demand.thinned(pixel_rate, self._options.min_bitrate, self._divisor).frame_divisor
        # fewer than one a second would pass for a stall
        divisor = min(divisor, max(1, int(video.framerate)))
        if divisor != self._divisor:
            logger.info(
                "%d bit/s are too few for every picture: one in %d is sent",
                demand.sent_bitrate,
                divisor,
            )
            self._divisor = divisor
            self._source.divide_framerate(divisor)
        return divisor
