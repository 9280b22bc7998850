"""What comes out of a call: imperative, the shell performs effects in the order given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.core.call.door_signals import SendOpen, SendOpened, SendOpenRefused
from agent.core.call.notices import Notice
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from agent.core.call.values import IceCandidate, IceServer, MediaGrant

# --- on the wire ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendInvite:
    to: str
    sdp: str
    lifetime: float
    user_data: Any = None
    purpose: Purpose = Purpose.TALK


@dataclass(frozen=True, slots=True)
class InviteAgain:
    """What follows goes out under another id, with times by the remote peer's clock (`now`, Unix
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
    """`by`: who answered, for whom that ends the ringing."""

    to: str
    reason: CloseReason
    by: str | None = None


@dataclass(frozen=True, slots=True)
class SendError:
    """The remote peer's last message came to nothing."""

    to: str
    code: str
    message: str


# --- admission ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScreenTalk:
    """Whoever looks offers sound: have that judged as an invitation; answered by `TalkAllowed` or
    `TalkDenied`.
    """

    generation: int
    sdp: str


@dataclass(frozen=True, slots=True)
class SendTalk:
    """Push-to-talk: a button is held, or was let go."""

    to: str
    on: bool


# --- the transport --------------------------------------------------------------------------------


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
class ExplainPeer:
    """Say what the transport of this generation has tried, as `ErrorRaised`: its time is over."""

    generation: int


@dataclass(frozen=True, slots=True)
class PauseMedia:
    """The call is lost: nothing leaves, until `ResumeMedia` or another transport's `StartMedia`."""

    generation: int


@dataclass(frozen=True, slots=True)
class ResumeMedia:
    """The transport works again: the picture starts with a key frame."""

    generation: int


@dataclass(frozen=True, slots=True)
class ClosePeer:
    """Stop the media and close the transport of this generation."""

    generation: int


# what a call says to its remote peer
SignalEffect = (
    SendInvite
    | SendRinging
    | SendResponse
    | SendSelect
    | SendCandidate
    | SendOffer
    | SendAnswer
    | SendClose
    | SendTalk
    | SendError
    | SendOpen
    | SendOpened
    | SendOpenRefused
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
    | SendTalk
    | SendError
    | ScreenTalk
    | CreateOffer
    | CreateAnswer
    | ApplyAnswer
    | AddCandidate
    | StartMedia
    | ExplainPeer
    | PauseMedia
    | ResumeMedia
    | ClosePeer
    | Notice
)
