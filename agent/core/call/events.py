"""What goes into a call and what comes out of it, as frozen values.

Inputs are past tense: something happened (a message, a transport, a deadline) or was requested.
Effects are imperative: the shell performs them in the order given. Session descriptions and
candidates pass through as text; the core never reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agent.core.call.reasons import AudioDirection, CallStatus, CloseReason, SharedBitrate, Side


@dataclass(frozen=True, slots=True)
class IceCandidate:
    """One candidate, as RFC 8840 trickles it (`candidate` with or without its `candidate:`
    prefix).
    """

    candidate: str
    sdp_mid: str | None = None
    sdp_mline_index: int | None = None


@dataclass(frozen=True, slots=True)
class IceServer:
    """One entry of W3C's RTCIceServer list.

    With a shared `secret`, username and credential are made for each call and are good for
    `credential_lifetime` seconds.
    """

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    credential_lifetime: float = 86_400.0


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that was understood. `caller` is the uid in the topic, never one in the
    payload.
    """

    conversation: str
    caller: str
    party: str
    sdp: str
    lifetime: float
    # seconds since `sentAt`; None where it cannot be judged (our clock is implausible)
    age: float | None = None
    user_data: Any = None
    ice_servers: tuple[IceServer, ...] = ()
    signed: bool = False


@dataclass(frozen=True, slots=True)
class MediaGrant:
    """Which media may flow, for how long (seconds), and whether the shared encoder follows this
    conversation.
    """

    video: bool = True
    audio: AudioDirection = AudioDirection.BOTH
    max_duration: float | None = None
    shared_bitrate: SharedBitrate = SharedBitrate.FOLLOW


# --- inputs: requests of this side ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RingRequested:
    """Ask a person; they have until the invitation's own end."""

    rule: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptRequested:
    grant: MediaGrant = MediaGrant()
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class RejectRequested:
    """Refuse: REJECTED, BUSY or TIMEOUT, with a short code as `reason`."""

    status: CallStatus = CallStatus.REJECTED
    reason: str = "rejected"
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class CloseRequested:
    reason: CloseReason = CloseReason.USER_HANGUP


# --- inputs: messages of the far side -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RingingReceived:
    uid: str
    party: str
    expires_in: float


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    uid: str
    party: str
    status: CallStatus
    reason: str | None = None
    sdp: str | None = None
    # whether the answer promises sound or a picture
    sends_media: bool = False
    # the far side's time of day (Unix seconds), where our invitation came expired
    now: float | None = None


@dataclass(frozen=True, slots=True)
class SelectReceived:
    uid: str
    party: str
    selected: str


@dataclass(frozen=True, slots=True)
class CandidateReceived:
    uid: str
    party: str
    # None: end of candidates
    candidate: IceCandidate | None


@dataclass(frozen=True, slots=True)
class OfferReceived:
    """A fresh transport for the same conversation."""

    uid: str
    party: str
    generation: int
    sdp: str


@dataclass(frozen=True, slots=True)
class AnswerReceived:
    uid: str
    party: str
    generation: int
    sdp: str


@dataclass(frozen=True, slots=True)
class CloseReceived:
    uid: str
    party: str
    reason: CloseReason


@dataclass(frozen=True, slots=True)
class ErrorReceived:
    """The far side could not use our last message."""

    uid: str
    party: str
    code: str
    message: str


# --- inputs: the transport ------------------------------------------------------------------------
# Each names the generation of the transport that it comes from; 0 is the one that the invitation
# made.


@dataclass(frozen=True, slots=True)
class DescriptionReady:
    """The offer or the answer that was asked for."""

    generation: int
    sdp: str


@dataclass(frozen=True, slots=True)
class CandidateFound:
    """A local candidate to trickle; None is the end of them."""

    generation: int
    candidate: IceCandidate | None


@dataclass(frozen=True, slots=True)
class IceConnected:
    generation: int


@dataclass(frozen=True, slots=True)
class PeerConnected:
    """ICE and DTLS are up: media can flow."""

    generation: int


@dataclass(frozen=True, slots=True)
class FirstFrameSeen:
    """The first video access unit went out, or came in."""

    generation: int


@dataclass(frozen=True, slots=True)
class TrackReceived:
    """The first packet of a kind of media arrived from the far side."""

    generation: int
    kind: str
    codec: str


@dataclass(frozen=True, slots=True)
class PeerFailed:
    """The transport could not be made, or its media source failed. `reason` is how the conversation
    ends for it.
    """

    generation: int
    code: str
    message: str
    reason: CloseReason = CloseReason.ICE_FAILED


@dataclass(frozen=True, slots=True)
class PeerSilent:
    """Nothing has come over a connected transport for so many seconds. It is still there, and still
    tried.
    """

    generation: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PeerHeard:
    """Something came again over a transport that was silent."""

    generation: int


@dataclass(frozen=True, slots=True)
class PeerUnheeded:
    """For so many seconds nothing but connectivity checks was answered, while our media went
    out.
    """

    generation: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PeerLost:
    """A transport that had been connected is gone: consent expired, or DTLS `closed` by the far
    side.
    """

    generation: int
    detail: str = ""
    closed: bool = False


@dataclass(frozen=True, slots=True)
class RenewRequested:
    """Make a fresh transport for the same conversation: our network changed."""


@dataclass(frozen=True, slots=True)
class OfferDelivered:
    """The broker has our offer of a fresh transport: if the far side is there, it hears it."""

    generation: int


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    """`Call.next_deadline()` has passed."""


Input = (
    RingRequested
    | AcceptRequested
    | RejectRequested
    | CloseRequested
    | RingingReceived
    | ResponseReceived
    | SelectReceived
    | CandidateReceived
    | OfferReceived
    | AnswerReceived
    | CloseReceived
    | ErrorReceived
    | DescriptionReady
    | CandidateFound
    | IceConnected
    | PeerConnected
    | FirstFrameSeen
    | TrackReceived
    | PeerFailed
    | PeerSilent
    | PeerHeard
    | PeerUnheeded
    | PeerLost
    | RenewRequested
    | OfferDelivered
    | DeadlineReached
)

PeerEvent = (
    DescriptionReady
    | CandidateFound
    | IceConnected
    | PeerConnected
    | FirstFrameSeen
    | TrackReceived
    | PeerFailed
    | PeerSilent
    | PeerHeard
    | PeerUnheeded
    | PeerLost
)

# --- effects: on the wire -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendInvite:
    to: str
    sdp: str
    lifetime: float
    user_data: Any = None


@dataclass(frozen=True, slots=True)
class InviteAgain:
    """What follows goes out under another id, with times by the far side's clock (`now`, Unix
    seconds).
    """

    conversation: str
    now: float


@dataclass(frozen=True, slots=True)
class SendRinging:
    expires_in: float


@dataclass(frozen=True, slots=True)
class SendResponse:
    status: CallStatus
    reason: str | None = None
    sdp: str | None = None


@dataclass(frozen=True, slots=True)
class SendSelect:
    to: str
    selected: str


@dataclass(frozen=True, slots=True)
class SendCandidate:
    to: str
    candidate: IceCandidate | None


@dataclass(frozen=True, slots=True)
class SendOffer:
    generation: int
    sdp: str


@dataclass(frozen=True, slots=True)
class SendAnswer:
    generation: int
    sdp: str


@dataclass(frozen=True, slots=True)
class SendClose:
    to: str
    reason: CloseReason


# --- effects: the transport -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreateOffer:
    """Make a transport and its offer; answered by `DescriptionReady` or `PeerFailed`."""

    generation: int
    grant: MediaGrant
    ice_servers: tuple[IceServer, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateAnswer:
    """Make a transport and its answer to `sdp`; answered by `DescriptionReady` or `PeerFailed`."""

    generation: int
    sdp: str
    grant: MediaGrant
    ice_servers: tuple[IceServer, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplyAnswer:
    generation: int
    sdp: str


@dataclass(frozen=True, slots=True)
class AddCandidate:
    generation: int
    candidate: IceCandidate | None


@dataclass(frozen=True, slots=True)
class StartMedia:
    """From now on frames and sound may leave."""

    generation: int


@dataclass(frozen=True, slots=True)
class ClosePeer:
    """Stop the media and close the transport of this generation."""

    generation: int


# --- effects: what the application hears ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Called:
    """An invitation arrived and was understood."""

    user_data: Any = None


@dataclass(frozen=True, slots=True)
class Ringing:
    """Outgoing: at `uid` a person is being asked."""

    uid: str
    expires_in: float


@dataclass(frozen=True, slots=True)
class Response:
    """The invitation was answered."""

    call_status: CallStatus
    reason: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The first transport is up: media can flow from now on."""


@dataclass(frozen=True, slots=True)
class StreamReceived:
    """Media of the far side arrived: `(kind, codec)` of each track so far."""

    tracks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Degraded:
    """Nothing arrives any more; a fresh transport is being made. `restored` or `closed` follows."""

    # `silence`: nothing comes; `lost`: the transport is gone
    cause: str


@dataclass(frozen=True, slots=True)
class Restored:
    """Something arrives again, over the transport `generation`."""

    generation: int


@dataclass(frozen=True, slots=True)
class ErrorRaised:
    """Something failed; `closed` follows if it was fatal."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The conversation ended. Nothing follows."""

    reason: CloseReason
    closed_by: Side


Notice = (
    Called
    | Ringing
    | Response
    | Connected
    | StreamReceived
    | Degraded
    | Restored
    | ErrorRaised
    | Closed
)

Effect = (
    SendInvite
    | InviteAgain
    | SendRinging
    | SendResponse
    | SendSelect
    | SendCandidate
    | SendOffer
    | SendAnswer
    | SendClose
    | CreateOffer
    | CreateAnswer
    | ApplyAnswer
    | AddCandidate
    | StartMedia
    | ClosePeer
    | Called
    | Ringing
    | Response
    | Connected
    | StreamReceived
    | Degraded
    | Restored
    | ErrorRaised
    | Closed
)
