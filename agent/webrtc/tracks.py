"""What this side sends: encoded units of a subscription, handed to aiortc's sender as they are.

A track reads its subscription from the first moment, so that nothing piles up behind it, and drops what must not leave:
before the gate opens, while muted, and until a key frame comes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import abstractmethod
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from agent import h264
from agent.errors import MediaError
from agent.ports import (
    AUDIO_CLOCK_RATE,
    VIDEO_CLOCK_RATE,
    AccessUnit,
    AudioPacket,
    AudioSubscription,
    VideoSubscription,
)

if TYPE_CHECKING:  # PyAV's classes are generic for the type checker only
    EncodedPacket: TypeAlias = av.Packet[av.stream.Stream]

log = logging.getLogger(__name__)

MAX_WRITE_BUFFER = 256 * 1024  # bytes; about half a second of video that the socket did not take

_VIDEO_TIME_BASE = Fraction(1, VIDEO_CLOCK_RATE)
_AUDIO_TIME_BASE = Fraction(1, AUDIO_CLOCK_RATE)
_ASK_AGAIN = VIDEO_CLOCK_RATE  # ticks between two requests for the same key frame


class OutboundTrack(MediaStreamTrack):
    """Common to both kinds: the gate, mute, and the end of a source.

    `on_failure` is called once, when the source ends before the track does.
    """

    def __init__(
        self,
        subscription: VideoSubscription | AudioSubscription,
        on_failure: Callable[[str, Exception], None],
        on_first_unit: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.units_sent = 0
        self.send_delay_total = 0.0
        self._subscription = subscription
        self._on_failure = on_failure
        self._on_first_unit = on_first_unit
        self._open = self._muted = self._failed = False
        self._drain: asyncio.Task[None] | None = asyncio.create_task(self._discard(), name=f"{self.kind}-drain")

    @property
    def flowing(self) -> bool:
        """Whether units leave: the transport asks for them, the gate is open, and nobody muted the track."""
        return self._drain is None and self._open and not self._muted

    def open(self) -> None:
        self._change(is_open=True, muted=self._muted)

    def mute(self, muted: bool) -> None:
        self._change(is_open=self._open, muted=muted)

    async def recv(self) -> EncodedPacket:
        """The next unit that may leave. Raises MediaStreamError when there is none any more."""
        if self._drain is not None:
            await self._stop_draining()
            if self.flowing:
                self._resumed()
        while self.readyState == "live" and not self._failed:
            unit = await self._next()
            if unit is not None and self.flowing and self._admits(unit):
                return self._sent(unit)
        raise MediaStreamError

    async def aclose(self) -> None:
        """End the track and its subscription."""
        self.stop()
        if self._drain is not None:
            await self._stop_draining()
        self._subscription.close()

    def _change(self, *, is_open: bool, muted: bool) -> None:
        before = self.flowing
        self._open, self._muted = is_open, muted
        if self.flowing and not before:
            self._resumed()

    def _resumed(self) -> None:
        """Units begin to leave."""

    @abstractmethod
    def _admits(self, unit: AccessUnit | AudioPacket) -> bool:
        """Whether this unit may leave, the gate being open."""

    @abstractmethod
    def _packet(self, unit: AccessUnit | AudioPacket) -> EncodedPacket:
        """The unit as aiortc's sender takes it: with `pts` and `time_base`, without which it would end."""

    def _sent(self, unit: AccessUnit | AudioPacket) -> EncodedPacket:
        packet = self._packet(unit)
        self.units_sent += 1
        self.send_delay_total += max(0.0, time.monotonic() - unit.captured_at)
        if self.units_sent == 1:
            self._on_first_unit()
        return packet

    async def _next(self) -> AccessUnit | AudioPacket | None:
        try:
            return await self._subscription.next()
        except MediaError as error:
            self._fail(error)
        except Exception as error:
            log.exception("the %s source raised what it must not", self.kind)
            self._fail(error)
        return None

    def _fail(self, error: Exception) -> None:
        if self.readyState == "live" and not self._failed:
            self._failed = True
            self._on_failure(self.kind, error)

    async def _discard(self) -> None:
        while not self._failed:
            await self._next()

    async def _stop_draining(self) -> None:
        drain, self._drain = self._drain, None
        if drain is not None:
            drain.cancel()
            await asyncio.wait([drain])


class VideoTrack(OutboundTrack):
    """Access units of H.264. After every gap it starts again at a key frame."""

    kind = "video"

    def __init__(
        self,
        subscription: VideoSubscription,
        on_failure: Callable[[str, Exception], None],
        on_first_unit: Callable[[], None],
        write_buffer_size: Callable[[], int],
    ) -> None:
        self.key_frames_sent = 0
        self.dropped = 0
        self.width, self.height = subscription.format.width, subscription.format.height
        self._video = subscription
        self._write_buffer_size = write_buffer_size
        self._needs_keyframe = True
        self._asked_at: int | None = None  # pts of the unit that was dropped after we asked
        self._sps: bytes | None = None
        super().__init__(subscription, on_failure, on_first_unit)

    def request_keyframe(self) -> None:
        """The far side lost the picture."""
        if self.flowing:
            self._video.request_keyframe()

    def _resumed(self) -> None:
        self._needs_keyframe = True
        self._asked_at = None
        self._video.request_keyframe()

    def _admits(self, unit: AccessUnit | AudioPacket) -> bool:
        assert isinstance(unit, AccessUnit)  # noqa: S101 - narrows the type
        if self._write_buffer_size() > MAX_WRITE_BUFFER:
            self._needs_keyframe = True
            self._asked_at = unit.pts - _ASK_AGAIN  # ask once the socket takes packets again
            self.dropped += 1
            return False
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
            self._video.request_keyframe()

    def _packet(self, unit: AccessUnit | AudioPacket) -> EncodedPacket:
        assert isinstance(unit, AccessUnit)  # noqa: S101 - narrows the type
        if unit.keyframe:
            self.key_frames_sent += 1
            self._note_size(unit.data)
        packet = av.Packet(unit.data)
        packet.pts, packet.time_base = unit.pts, _VIDEO_TIME_BASE
        return packet

    def _note_size(self, data: bytes) -> None:
        sps = h264.find_sps(data)
        if sps is not None and sps != self._sps:
            self._sps = sps
            try:
                parsed = h264.parse_sps(sps)
            except ValueError as error:
                log.warning("the source sends a sequence parameter set that cannot be read: %s", error)
            else:
                self.width, self.height = parsed.width, parsed.height


class AudioTrack(OutboundTrack):
    """Packets of Opus."""

    kind = "audio"

    def _admits(self, unit: AccessUnit | AudioPacket) -> bool:  # noqa: ARG002 - every packet stands for itself
        return True

    def _packet(self, unit: AccessUnit | AudioPacket) -> EncodedPacket:
        packet = av.Packet(unit.data)
        packet.pts, packet.time_base = unit.pts, _AUDIO_TIME_BASE
        return packet
