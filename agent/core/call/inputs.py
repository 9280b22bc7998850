"""What goes into a call: past tense, as something happened there or was requested here."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.call.reasons import CallStatus, CloseReason
from agent.core.call.values import IceCandidate, MediaGrant

# --- requests of this side ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RingRequested:
    """Ask a person to accept `grant`, until the invitation's own end, `longest` seconds at most."""

    rule: str | None = None
    grant: MediaGrant = MediaGrant()  # noqa: RUF009 - frozen
    longest: float | None = None


@dataclass(frozen=True, slots=True)
class AcceptRequested:
    """Without a `grant`: with the one that it rings with."""

    grant: MediaGrant | None = None
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


@dataclass(frozen=True, slots=True)
class TalkRequested:
    """Send sound from a view of ours, too. Without a `grant`: all that it has, both ways."""

    grant: MediaGrant | None = None


@dataclass(frozen=True, slots=True)
class TalkAllowed:
    """Whoever looks may talk: the answer to `ScreenTalk`, with its `generation` and `sdp`."""

    generation: int
    sdp: str
    grant: MediaGrant = MediaGrant()  # noqa: RUF009 - frozen
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class TalkDenied:
    """Whoever looks may not talk, or not now: it goes on looking."""

    generation: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TakeRequested:
    """A person here has whoever looks talk, by the transport that there is."""

    grant: MediaGrant = MediaGrant()  # noqa: RUF009 - frozen
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class ViewRequested:
    """Whoever talks over the transport by which it had looked says nothing more: it looks again."""


@dataclass(frozen=True, slots=True)
class PushToTalkRequested:
    """Be heard at a device whose mode is push-to-talk, or hear it again."""

    on: bool


@dataclass(frozen=True, slots=True)
class CrossingFound:
    """Incoming: `rival` is a call of ours whose place this one may take, with `grant` and `rule`:
    at once or, where that one goes first (`waits`), if it is not taken in time.
    """

    rival: str
    waits: bool = False
    grant: MediaGrant = MediaGrant()  # noqa: RUF009 - frozen
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class YieldRequested:
    """The conversation `rival` was accepted: this one gives way. Where `uid` is given, once that
    one is sure to hold: `uid` may have accepted this one in the same moment. `goes_first`: that
    one has the lower id, and stays where both were accepted.
    """

    rival: str
    uid: str | None = None
    goes_first: bool = True


@dataclass(frozen=True, slots=True)
class ResumeRequested:
    """Nothing comes of the rival: this call goes on as if there had been none."""


# --- messages of the remote peer ------------------------------------------------------------------


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
    # the remote peer's time of day (Unix seconds), where our invitation came expired
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
    # whether a transport of ours could pair it
    usable: bool = True


@dataclass(frozen=True, slots=True)
class OfferReceived:
    """A fresh transport for the same conversation."""

    uid: str
    party: str
    generation: int
    sdp: str
    sends_sound: bool = False


@dataclass(frozen=True, slots=True)
class AnswerReceived:
    uid: str
    party: str
    generation: int
    sdp: str
    takes_sound: bool = False


@dataclass(frozen=True, slots=True)
class CloseReceived:
    """`by`: who answered in this side's place, if told."""

    uid: str
    party: str
    reason: CloseReason
    by: str | None = None


@dataclass(frozen=True, slots=True)
class PushToTalkReceived:
    """A button is held, or was let go (PROTOCOL 2, `talk`)."""

    uid: str
    party: str
    on: bool


@dataclass(frozen=True, slots=True)
class ErrorReceived:
    """The remote peer could not use our last message. `now`: its time in Unix seconds, if told."""

    uid: str
    party: str
    code: str
    message: str
    now: float | None = None


# --- the transport --------------------------------------------------------------------------------
# Each names the generation of its transport; 0 is the one that the invitation made.


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
    """The first packet of a kind of media arrived from the remote peer."""

    generation: int
    kind: str
    codec: str


@dataclass(frozen=True, slots=True)
class PeerFailed:
    """The transport or its media source failed. `reason`: how the conversation ends for it."""

    generation: int
    code: str
    message: str
    reason: CloseReason = CloseReason.ICE_FAILED


@dataclass(frozen=True, slots=True)
class PeerSilent:
    """Nothing has come over a connected transport for so many seconds; it is still tried."""

    generation: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PeerHeard:
    """Something came again over a transport that was silent."""

    generation: int


@dataclass(frozen=True, slots=True)
class RtcpTimedOut:
    """For so many seconds only connectivity checks were answered, while our media went out."""

    generation: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PeerLost:
    """A connected transport is gone: consent expired, or DTLS `closed` by the far side."""

    generation: int
    detail: str = ""
    closed: bool = False


@dataclass(frozen=True, slots=True)
class RenewRequested:
    """Make a fresh transport for the same conversation: our network changed."""


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    """`Call.next_deadline()` has passed."""


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
    | RtcpTimedOut
    | PeerLost
)

Input = (
    RingRequested
    | AcceptRequested
    | RejectRequested
    | CloseRequested
    | PushToTalkRequested
    | TalkRequested
    | TalkAllowed
    | TalkDenied
    | TakeRequested
    | ViewRequested
    | CrossingFound
    | YieldRequested
    | ResumeRequested
    | RingingReceived
    | ResponseReceived
    | SelectReceived
    | CandidateReceived
    | OfferReceived
    | AnswerReceived
    | CloseReceived
    | PushToTalkReceived
    | ErrorReceived
    | PeerEvent
    | RenewRequested
    | DeadlineReached
)
