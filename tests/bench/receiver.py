"""The far side of a call that is measured: it counts what arrives, and decodes it only where its
age is wanted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import av
from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.rtp import RtcpSrPacket

from agent.core.call.events import (
    FirstFrameSeen,
    IceConnected,
    MediaGrant,
    PeerConnected,
    PeerEvent,
)
from agent.media.pattern.timecode import read_strip
from agent.ports import VIDEO_CLOCK_RATE, AccessUnit, DecodedAudio, IceOptions, LocalStream
from agent.webrtc.peer import AiortcPeer
from tests.waiting import PATIENCE

CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
# seconds from 1900 to 1970
_NTP_EPOCH = 2_208_988_800


@dataclass(slots=True)
class Capture:
    """When a picture was captured, in seconds since the epoch; None while that is not known.

    By the clip's strip, where `start` tells when its first picture was due, otherwise by the
    sender's RTCP reports.
    """

    start: float | None = None
    period: float = 1.0
    # a moment and its RTP timestamp
    report: tuple[float, int] | None = None

    def age(self, now: float, strip: int | None, timestamp: int) -> float | None:
        """Seconds since the picture was captured. `strip` is its place in the clip in
        milliseconds.
        """
        if self.start is not None:
            return None if strip is None else (now - self.start - strip / 1000) % self.period
        if self.report is None:
            return None
        moment, origin = self.report
        ticks = (timestamp - origin + (1 << 31)) % (1 << 32) - (1 << 31)
        return now - moment - ticks / VIDEO_CLOCK_RATE


@dataclass(slots=True)
class Gauge:
    """A `RemoteMedia`: `ages` are in seconds, and come while `decodes` is set, from the next key
    frame on.
    """

    capture: Capture = field(default_factory=Capture)
    pictures: int = 0
    # RTP's, of the packet that arrived last
    timestamp: int = 0
    ages: list[float] = field(default_factory=list)
    decodes: bool = False
    _decoder: Any = None

    def on_video(self, unit: AccessUnit) -> None:
        self.pictures += 1
        if not self.decodes or (self._decoder is None and not unit.keyframe):
            return
        if self._decoder is None:
            self._decoder = av.CodecContext.create("h264", "r")
            self._decoder.thread_count = 1
        for frame in self._decoder.decode(av.Packet(unit.data)):
            luma = frame.planes[0]
            strip = read_strip(memoryview(luma), luma.line_size, frame.width)
            age = self.capture.age(time.time(), strip, self.timestamp)
            if age is not None:
                self.ages.append(age)

    @property
    def wants_audio(self) -> bool:
        return False

    def on_audio(self, audio: DecodedAudio) -> None:
        """There is none."""


@dataclass(slots=True)
class Receiver:
    """A peer of ours, and when it got how far (monotonic clock)."""

    peer: AiortcPeer
    gauge: Gauge
    times: dict[str, float]
    _changed: asyncio.Event

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator[Receiver]:
        gauge, changed = Gauge(), asyncio.Event()
        times: dict[str, float] = {}
        names: dict[type[Any], str] = {
            IceConnected: "ice",
            PeerConnected: "dtls",
            FirstFrameSeen: "first frame",
        }

        def on_event(event: PeerEvent) -> None:
            if type(event) in names:
                times.setdefault(names[type(event)], time.monotonic())
                changed.set()

        peer = AiortcPeer(
            generation=0,
            local=LocalStream(),
            remote=gauge,
            grant=MediaGrant(),
            ice=IceOptions(),
            on_event=on_event,
            on_control=lambda text: None,
        )
        try:
            yield cls(peer, gauge, times, changed)
        finally:
            await peer.close()

    async def reached(self, name: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while name not in self.times:
                self._changed.clear()
                await self._changed.wait()

    def follow_clock(self) -> None:
        """Read the sender's clock from its reports, for a sender that does not tell it
        otherwise.
        """
        receiver: Any = next(
            each.receiver for each in self.peer._pc.getTransceivers() if each.kind == "video"
        )
        handle_rtcp, handle_rtp = receiver._handle_rtcp_packet, receiver._handle_rtp_packet

        async def on_rtcp(packet: Any) -> None:
            if isinstance(packet, RtcpSrPacket):
                info = packet.sender_info
                self.gauge.capture.report = (
                    info.ntp_timestamp / (1 << 32) - _NTP_EPOCH,
                    info.rtp_timestamp,
                )
            await handle_rtcp(packet)

        async def on_rtp(packet: Any, arrival_time_ms: int) -> None:
            self.gauge.timestamp = packet.timestamp
            await handle_rtp(packet, arrival_time_ms)

        receiver._handle_rtcp_packet, receiver._handle_rtp_packet = on_rtcp, on_rtp

    async def ages(self, seconds: float) -> list[float]:
        """How old pictures are once they are decoded, for so long."""
        self.gauge.decodes = True
        await asyncio.sleep(seconds)
        self.gauge.decodes = False
        return self.gauge.ages


@contextmanager
def accepting_rsa() -> Iterator[None]:
    """GStreamer 1.22 has a certificate of RSA, for which aiortc offers no cipher."""
    make: Callable[..., Any] = RTCCertificate._create_ssl_context

    def make_context(self: RTCCertificate, *arguments: Any, **named: Any) -> Any:
        context = make(self, *arguments, **named)
        context.set_cipher_list(CIPHERS)
        return context

    RTCCertificate._create_ssl_context = make_context  # type: ignore[method-assign]
    try:
        yield
    finally:
        RTCCertificate._create_ssl_context = make  # type: ignore[method-assign]
