"""A device that sends to a caller, and the ends of its streams."""

from __future__ import annotations

from aiortc import RTCRtpReceiver

from agent.core.call.events import FirstFrameSeen
from agent.core.statistics.counters import ReceivedCounters, SentCounters
from agent.ports import LocalStream
from agent.webrtc.internals.transport_wide import TRANSPORT_CC, TRANSPORT_NUMBER
from tests.webrtc.feeds import ClipFeed, ClipSubscription, MemorySink, SoundFeed
from tests.webrtc.pairs import Side, connect


class Call:
    """A device that sends video to a caller, and the ends of that stream."""

    def __init__(self, clip: list[bytes], sound: list[bytes]) -> None:
        self.clip = clip
        self.sink = MemorySink()
        self.feed = ClipFeed(clip)
        self.sound = SoundFeed(sound)
        self.device = Side(LocalStream(self.feed, self.sound))
        self.caller = Side(sink=self.sink)

    async def connect(self) -> None:
        await connect(self.caller, self.device)
        await self.device.event(FirstFrameSeen)
        await self.sink.seen(video=2)

    def number_nothing(self) -> None:
        """The caller will not offer transport-wide feedback, as many programs do not."""
        create_offer = self.caller.peer.create_offer

        async def offer() -> str:
            lines = (await create_offer()).splitlines(keepends=True)
            wide = (TRANSPORT_NUMBER, TRANSPORT_CC.type)
            return "".join(line for line in lines if not line.strip().endswith(wide))

        self.caller.peer.create_offer = offer  # type: ignore[method-assign]

    @property
    def source(self) -> ClipSubscription:
        return self.feed.subscriptions[0]

    @property
    def ssrc(self) -> int:
        """The SSRC of the device's video."""
        return next(
            t.sender for t in self.device.peer._pc.getTransceivers() if t.kind == "video"
        )._ssrc

    @property
    def receiver(self) -> RTCRtpReceiver:
        """Where the caller receives that video."""
        return next(t.receiver for t in self.caller.peer._pc.getTransceivers() if t.kind == "video")

    @property
    def own_ssrc(self) -> int:
        return next(
            t.sender for t in self.caller.peer._pc.getTransceivers() if t.kind == "video"
        )._ssrc

    def sent(self) -> SentCounters:
        counters = self.device.peer.counters().video_sent
        assert counters is not None
        return counters

    def received(self) -> ReceivedCounters:
        counters = self.caller.peer.counters().video_received
        assert counters is not None
        return counters
