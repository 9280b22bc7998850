"""What this side sends: encoded units of a subscription, as they are.

An outbound stream reads its subscription from the first moment, so that nothing piles up behind it,
and drops what must not leave: before the gate opens, while muted, and until a key frame comes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from agent.core.rate.bitrate_limits import BitrateLimits
from agent.core.rate.encoder_demand import EncoderDemand
from agent.core.rate.receiver_report import ReceiverReport
from agent.errors import MediaError
from agent.h264 import annexb as h264
from agent.ports import (
    VIDEO_CLOCK_RATE,
    AccessUnit,
    AudioPacket,
    AudioSubscription,
    VideoSubscription,
)

log = logging.getLogger(__name__)

# ticks between two requests for the same key frame
_ASK_AGAIN = VIDEO_CLOCK_RATE
# what is left of the loss of sound with each report without any, and what counts as none
_LOSS_DECAY = 0.8
_LEAST_LOSS = 0.01

# pictures that wait for the transport: 267 ms at 30 fps
MAX_KEPT = 8

AnyUnit = TypeVar("AnyUnit", AccessUnit, AudioPacket)


class Outbound(ABC, Generic[AnyUnit]):
    """Common to both kinds: the gate, mute, and the end of a source.

    `on_failure` is called once, when the source ends before `close()`.
    """

    kind: ClassVar[str]

    def __init__(
        self,
        read: Callable[[], Awaitable[AnyUnit]],
        close_source: Callable[[], None],
        on_failure: Callable[[str, Exception], None],
    ) -> None:
        self.units_sent = 0
        self.send_delay_total = 0.0
        self._read: Callable[[], Awaitable[AnyUnit]] = read
        self._close_source = close_source
        self._on_failure = on_failure
        self._open = self._muted = self._ended = False
        self._drain: asyncio.Task[None] | None = asyncio.create_task(
            self._discard(), name=f"{self.kind}-drain"
        )

    @property
    def flowing(self) -> bool:
        """Whether units leave: the transport asks for them, the gate is open, and nobody muted the
        stream.
        """
        return self._drain is None and self._open and not self._muted

    def open(self) -> None:
        self._change(is_open=True, muted=self._muted)

    def pause(self) -> None:
        """Close the gate, until `open()`."""
        self._change(is_open=False, muted=self._muted)

    def mute(self, muted: bool) -> None:
        self._change(is_open=self._open, muted=muted)

    async def next(self) -> AnyUnit | None:
        """The next unit that may leave; None when there will be none any more."""
        if self._drain is not None:
            await self._stop_draining()
            if self.flowing:
                self._resumed()
        while not self._ended:
            unit = await self._next()
            if unit is not None and self.flowing and self._admits(unit):
                return unit
        return None

    async def close(self) -> None:
        """Give the subscription back."""
        self._ended = True
        if self._drain is not None:
            await self._stop_draining()
        self._close_source()

    def _change(self, *, is_open: bool, muted: bool) -> None:
        before = self.flowing
        self._open, self._muted = is_open, muted
        if self.flowing and not before:
            self._resumed()

    @abstractmethod
    def _resumed(self) -> None:
        """Units begin to leave."""

    @abstractmethod
    def _admits(self, unit: AnyUnit) -> bool:
        """Whether this unit may leave, the gate being open."""

    def on_sent(self, unit: AnyUnit) -> None:
        """Its last packet has left."""
        self.units_sent += 1
        self.send_delay_total += max(0.0, time.monotonic() - unit.captured_at)

    async def _next(self) -> AnyUnit | None:
        return await self._guard(self._read)

    async def _guard(self, read: Callable[[], Awaitable[AnyUnit | None]]) -> AnyUnit | None:
        try:
            return await read()
        except MediaError as error:
            self._fail(error)
        except Exception as error:
            log.exception("the %s source raised what it must not", self.kind)
            self._fail(error)
        return None

    def _fail(self, error: Exception) -> None:
        if not self._ended:
            self._ended = True
            self._on_failure(self.kind, error)

    async def _discard(self) -> None:
        while not self._ended:
            await self._next()

    async def _stop_draining(self) -> None:
        drain, self._drain = self._drain, None
        if drain is not None:
            drain.cancel()
            await asyncio.wait([drain])


class OutboundVideo(Outbound[AccessUnit]):
    """Access units of H.264. After every gap it starts again at a key frame."""

    kind = "video"

    def __init__(
        self,
        subscription: VideoSubscription,
        on_failure: Callable[[str, Exception], None],
        on_first_frame: Callable[[], None],
    ) -> None:
        super().__init__(subscription.next, subscription.close, on_failure)
        self.key_frames_sent = 0
        self.width, self.height = subscription.format.width, subscription.format.height
        self._subscription = subscription
        self._on_first_frame = on_first_frame
        self._dropped = 0
        self._needs_keyframe = True
        # pts of the unit that was dropped after we asked
        self._asked_at: int | None = None
        self._sps: bytes | None = None
        self._paused = False
        # a key frame was asked for before the transport is there; what has come since
        self._prepared = False
        self._kept: deque[AccessUnit] = deque()
        # what our path asks of the encoder
        self._demand: EncoderDemand | None = None

    @property
    def profile_level_id(self) -> str:
        return self._subscription.format.profile_level_id

    @property
    def dropped(self) -> int:
        """Units that were lost to a slow consumer or a slow socket."""
        return self._dropped + self._subscription.dropped

    @property
    def limits(self) -> BitrateLimits:
        return self._subscription.limits

    def request_keyframe(self) -> None:
        """The remote peer lost the picture."""
        if self.flowing:
            self._subscription.request_keyframe()

    def open(self) -> None:
        paused, self._paused = self._paused, False
        if paused and self._demand is not None:
            self._subscription.set_demand(self._demand)
        super().open()

    def pause(self) -> None:
        """What nobody gets must not lower the picture of others."""
        super().pause()
        self._paused = True
        self._subscription.set_demand(None)

    def prepare(self) -> None:
        """The transport will ask for units soon: let a key frame be there by then."""
        if self._drain is not None and self._open and not self._muted and not self._prepared:
            self._prepared = True
            self._subscription.request_keyframe()

    def set_demand(self, demand: EncoderDemand) -> None:
        self._demand = demand
        if not self._paused:
            self._subscription.set_demand(demand)

    def skip(self, units: int, *, keyframe_follows: bool) -> None:
        """So many were dropped on their way. Unless a key frame waits behind them, the next unit
        must be one.
        """
        self._dropped += units
        if not keyframe_follows:
            self._needs_keyframe = True
            self._asked_at = None

    def _change(self, *, is_open: bool, muted: bool) -> None:
        if muted or not is_open:
            self._prepared = False
            self._kept.clear()
        super()._change(is_open=is_open, muted=muted)

    def _resumed(self) -> None:
        self._needs_keyframe = True
        self._asked_at = None
        # else it is there, or on its way
        if not self._prepared:
            self._subscription.request_keyframe()
        self._prepared = False

    def _admits(self, unit: AccessUnit) -> bool:
        if self._needs_keyframe and not unit.keyframe:
            self._ask_again(unit.pts)
            return False
        self._needs_keyframe = False
        return True

    def _ask_again(self, pts: int) -> None:
        """While the key frame does not come, ask once a second."""
        if self._asked_at is None:
            self._asked_at = pts
        elif pts - self._asked_at >= _ASK_AGAIN:
            self._asked_at = pts
            self._subscription.request_keyframe()

    async def _discard(self) -> None:
        while not self._ended:
            unit = await self._guard(self._subscription.skip)
            if unit is not None and self._prepared:
                self._keep(unit)

    def _keep(self, unit: AccessUnit) -> None:
        """From the latest key frame on, for as long as it is of use in a call."""
        if unit.keyframe:
            self._kept.clear()
        elif not self._kept:
            return
        self._kept.append(unit)
        if len(self._kept) > MAX_KEPT:
            self._kept.clear()
            self._prepared = False

    async def _next(self) -> AccessUnit | None:
        return self._kept.popleft() if self._kept else await super()._next()

    def on_sent(self, unit: AccessUnit) -> None:
        super().on_sent(unit)
        if unit.keyframe:
            self.key_frames_sent += 1
            self._note_size(unit.data)
        if self.units_sent == 1:
            self._on_first_frame()

    def _note_size(self, data: bytes) -> None:
        sps = h264.find_sps(data)
        if sps is not None and sps != self._sps:
            self._sps = sps
            try:
                parsed = h264.parse_sps(sps)
            except ValueError as error:
                log.warning(
                    "the source sends a sequence parameter set that cannot be read: %s", error
                )
            else:
                self.width, self.height = parsed.width, parsed.height


class OutboundAudio(Outbound[AudioPacket]):
    """Packets of Opus. Each stands for itself."""

    kind = "audio"

    def __init__(
        self, subscription: AudioSubscription, on_failure: Callable[[str, Exception], None]
    ) -> None:
        super().__init__(subscription.next, subscription.close, on_failure)
        self._subscription = subscription
        self._loss = 0.0

    def mute(self, muted: bool) -> None:
        super().mute(muted)
        self._subscription.mute(muted)

    # --- what the remote peer reports: a `FeedbackListener`

    def on_receiver_report(self, report: ReceiverReport) -> None:
        """A report is of few packets: losses are believed at once, their end little by little."""
        loss = max(report.fraction_lost or 0.0, _LOSS_DECAY * self._loss)
        loss, before = (0.0 if loss < _LEAST_LOSS else loss), self._loss
        self._loss = loss
        if loss != before and not self._ended:
            self._subscription.expect_loss(loss)

    def on_remb(self, bitrate: int) -> None:
        """Sound takes what it takes."""

    def on_transport_feedback(self, first: int, arrivals: Sequence[float | None]) -> None:
        """Its packets have no transport-wide numbers."""

    def on_nack(self, packets: int, run: tuple[int, int] | None) -> None:
        """What comes later than the next packet is of no use."""

    def on_picture_loss(self) -> None:
        """There is none."""

    # --- what leaves

    def _resumed(self) -> None:
        """Nothing has to be asked for."""

    def _admits(self, unit: AudioPacket) -> bool:  # noqa: ARG002
        return True
