"""The seams of the house: what each adapter offers, and what its users may rely on.

Signaling, media and WebRTC never import each other; they meet here. A thing with `close()` has one
owner, and closing it twice is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.core.call import events as ev
from agent.core.call.decision import Decision, Line
from agent.core.call.delivery import Delivery
from agent.core.call.events import ErrorRaised, IceCandidate, MediaGrant, PeerEvent, SignalEffect
from agent.core.call.ice_options import IceOptions
from agent.core.call.reasons import SharedBitrate
from agent.core.policy.known_callers import KnownCallers
from agent.core.rate.bitrate_limits import BitrateLimits
from agent.core.rate.encoder_demand import EncoderDemand
from agent.core.statistics.counters import PeerCounters, PlayoutCounters

VIDEO_CLOCK_RATE = 90_000
AUDIO_CLOCK_RATE = 48_000
# of PCM, at every seam: 10 ms, mono, signed 16 bit in the machine's order
PCM_FRAME_SAMPLES = AUDIO_CLOCK_RATE // 100
PCM_FRAME_BYTES = 2 * PCM_FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """What a video source sends. `profile_level_id` is RFC 6184's, such as `42e01f`."""

    width: int
    height: int
    framerate: float
    profile_level_id: str = "42e01f"


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One encoded H.264 picture: Annex B with start codes, SPS and PPS before every IDR.

    `pts` counts 1/90000 s and only grows; `captured_at` is `time.monotonic()` at the moment of
    capture.
    """

    data: bytes
    keyframe: bool
    pts: int
    captured_at: float


@dataclass(frozen=True, slots=True)
class AudioPacket:
    """One encoded Opus packet of 20 ms. `pts` counts 1/48000 s."""

    data: bytes
    pts: int
    captured_at: float


class VideoSubscription(Protocol):
    """One conversation's view of the shared encoder. It starts at a key frame.

    The queue behind it is bounded: on overflow everything up to the next key frame is dropped, and
    one is asked for.
    """

    @property
    def format(self) -> VideoFormat: ...

    @property
    def limits(self) -> BitrateLimits:
        """What a demand may ask for."""

    @property
    def dropped(self) -> int:
        """Access units that this subscription threw away."""

    async def next(self) -> AccessUnit:
        """The next access unit. Raises MediaEnded after `close()`, or once the source has ended."""

    async def skip(self) -> AccessUnit | None:
        """The next one, where no key frame is to be asked for; None: it cannot be decoded."""

    def request_keyframe(self) -> None:
        """Ask for an IDR soon; the hub coalesces and limits the requests of all subscriptions."""

    def set_demand(self, demand: EncoderDemand | None) -> None:
        """The most that this conversation can carry; the encoder follows the lowest of those that
        it shall follow. None: nothing is carried, so nothing is asked.
        """

    def close(self) -> None: ...


class VideoFeed(Protocol):
    """A camera with one encoder for all conversations: started by the first subscription, stopped
    after the last.
    """

    async def subscribe(self, shared: SharedBitrate = SharedBitrate.FOLLOW, /) -> VideoSubscription:
        """Raises MediaUnavailable where the source cannot be opened."""


class AudioSubscription(Protocol):
    """One conversation's view of the shared sound. Bounded; on overflow the oldest is dropped."""

    async def next(self) -> AudioPacket:
        """The next packet. Raises MediaEnded after `close()`."""

    def expect_loss(self, fraction: float) -> None:
        """The share of packets, 0..1, that is lost; the encoder heeds whoever loses most."""

    def mute(self, muted: bool) -> None:
        """Nothing of it is sent: a microphone that all have muted is closed, and silence comes."""

    def close(self) -> None: ...


class AudioFeed(Protocol):
    @property
    def present(self) -> bool:
        """Whether there is a source at this moment. Without one none is offered to a call."""

    async def subscribe(self, *, muted: bool = False) -> AudioSubscription:
        """Raises MediaUnavailable where the source cannot be opened."""


@dataclass(frozen=True, slots=True)
class DecodedAudio:
    """The remote peer's sound: interleaved signed 16-bit samples, 48 kHz. `pts` counts samples."""

    samples: bytes
    channels: int
    pts: int


class RemoteSink(Protocol):
    """Where the remote peer's media goes, on the event loop. Returns at once, and never raises."""

    def on_video(self, unit: AccessUnit) -> None: ...

    def on_audio(self, audio: DecodedAudio) -> None: ...


@dataclass(frozen=True, slots=True)
class ReceivedAudio:
    """One RTP packet of Opus, as it arrived; `arrived_at` is `time.monotonic()`."""

    data: bytes
    ssrc: int
    sequence_number: int
    timestamp: int
    arrived_at: float


class AudioPlayout(Protocol):
    """The sound of one conversation on its way to the loudspeaker; silent after `close()`."""

    def put(self, packet: ReceivedAudio) -> None:
        """Called on the event loop, in whatever order packets arrive. Never raises."""

    @property
    def played(self) -> PlayoutCounters: ...

    def close(self) -> None: ...


class AudioPlayback(Protocol):
    """A loudspeaker for all conversations. One that cannot be opened costs no call."""

    def open(self) -> AudioPlayout: ...


class RemoteMedia(RemoteSink, Protocol):
    """What a transport hands over all that it receives to."""

    @property
    def wants_audio(self) -> bool:
        """Whether sound is to be decoded."""


@dataclass(frozen=True, slots=True)
class LocalStream:
    """What this side sends, and where it plays what it hears. A missing part is left out."""

    video: VideoFeed | None = None
    audio: AudioFeed | None = None
    playback: AudioPlayback | None = None


class Peer(Protocol):
    """One WebRTC transport, made for one offer or one answer.

    It reports to the `on_event` that it was made with, and never after `close()`.
    """

    async def create_offer(self) -> str:
        """The SDP of an offer. Raises MediaUnavailable or PeerError."""

    async def create_answer(self, offer: str) -> str:
        """Its SDP. Raises MediaUnavailable, UnusableDescription, NoCommonCodec or PeerError."""

    async def apply_answer(self, answer: str) -> None:
        """Raises UnusableDescription."""

    async def add_candidate(self, candidate: IceCandidate | None) -> None:
        """A bad candidate is logged and ignored."""

    def start_media(self, bitrate: int | None = None) -> None:
        """Open the gate: before this no frame and no sound leaves. After a pause the picture starts
        with a key frame. `bitrate`: what another transport carried over the same path, in bit/s.
        """

    def pause_media(self) -> None:
        """Close the gate: no frame and no sound leaves until `start_media()`, and nothing is asked
        of a shared encoder.
        """

    def mute(self, *, audio: bool | None = None, video: bool | None = None) -> None:
        """Stop or resume sending a kind of media; None leaves it."""

    def send_control(self, text: str) -> bool:
        """Send on the data channel `callbox`; False where there is none open."""

    def explain(self) -> ErrorRaised:
        """Why it is not connected: what was tried so far, without addresses."""

    def counters(self) -> PeerCounters:
        """A snapshot of every counter, with W3C's units."""

    async def close(self) -> None:
        """Stop media and transport. Idempotent; every caller waits for the same end."""


class PeerFactory(Protocol):
    def __call__(
        self,
        *,
        generation: int,
        local: LocalStream,
        grant: MediaGrant,
        ice: IceOptions,
        on_event: Callable[[PeerEvent], None],
        on_control: Callable[[str], None],
        remote: RemoteMedia | None = None,
    ) -> Peer: ...


@dataclass(slots=True)
class Signal:
    """One message of `sender`, whom the signaling has proved, about `conversation`: an invitation,
    or an input of the call that it belongs to.

    `ack()` says that it was taken care of; until then it is delivered again after a reconnect.
    """

    sender: str
    conversation: str
    content: ev.Invitation | ev.Input | ev.DoorInput
    ack: Callable[[], None] = field(default=lambda: None, repr=False)


class Signaling(Protocol):
    """Carries invitations and what follows them, for one party of one uid.

    Effects go in, inputs come out; messages stay inside. What cannot be read is answered in here.
    """

    @property
    def uid(self) -> str: ...

    @property
    def party(self) -> str:
        """Tells the clients of one uid apart."""

    @property
    def connected(self) -> bool: ...

    def check_invitation(self, to: Sequence[str], lifetime: float, user_data: Any) -> None:
        """Raises ValueError for what no invitation can carry."""

    def send(
        self, effect: SignalEffect, *, to: str, conversation: str, clock_offset: float = 0.0
    ) -> asyncio.Future[Delivery]:
        """Carry `effect` to the uid `to`. The future resolves when the message was taken over; it
        may be left alone. It holds NotAuthorized where this side may not say that to `to`.

        `clock_offset`: seconds that our clock is behind the remote peer's.
        """

    async def receive(self) -> Signal:
        """The next signal."""

    def encode_control(
        self, effect: SignalEffect, *, conversation: str, clock_offset: float = 0.0
    ) -> str:
        """The same message as `send` would carry, for the data channel."""

    def decode_control(self, sender: str, text: str) -> Signal | None:
        """What arrived on the data channel of a conversation with `sender`; None where it cannot be
        read, comes too fast, or does not belong there.
        """


class CallScreening(Protocol):
    """Decides who gets in."""

    def known_callers(self) -> KnownCallers:
        """Whom the rules that let somebody in name now. Asked from any thread."""

    def admit(self, invitation: ev.Invitation, *, line: Line) -> Decision:
        """Asked once for each invitation that is not too old. What `line` does not admit is
        answered BUSY all the same. For a view: whether one more may look.
        """


__all__ = [
    "AUDIO_CLOCK_RATE",
    "PCM_FRAME_BYTES",
    "PCM_FRAME_SAMPLES",
    "VIDEO_CLOCK_RATE",
    "AccessUnit",
    "AudioFeed",
    "AudioPacket",
    "AudioPlayback",
    "AudioPlayout",
    "AudioSubscription",
    "BitrateLimits",
    "CallScreening",
    "DecodedAudio",
    "EncoderDemand",
    "IceOptions",
    "LocalStream",
    "Peer",
    "PeerFactory",
    "ReceivedAudio",
    "RemoteMedia",
    "RemoteSink",
    "Signal",
    "Signaling",
    "VideoFeed",
    "VideoFormat",
    "VideoSubscription",
]
