"""What the application hears of a call: the events of a conversation (PROTOCOL 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.core.call.reasons import CallStatus, CloseReason, Side


@dataclass(frozen=True, slots=True)
class Called:
    """An invitation arrived and was understood."""

    user_data: Any = None


@dataclass(frozen=True, slots=True)
class RemoteRinging:
    """Outgoing: at `uid` a person is being asked."""

    uid: str
    expires_in: float


@dataclass(frozen=True, slots=True)
class InvitationAnswered:
    """The invitation was answered."""

    call_status: CallStatus
    reason: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The first transport is up: media can flow from now on."""


@dataclass(frozen=True, slots=True)
class TalkStarted:
    """What only looked is a talk from now on; `rule` let it in."""

    rule: str | None = None


@dataclass(frozen=True, slots=True)
class StreamReceived:
    """Media of the remote peer arrived: `(kind, codec)` of each track so far."""

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
class PushToTalk:
    """The remote peer holds its button, to be heard here, or has let it go."""

    on: bool


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
    | RemoteRinging
    | InvitationAnswered
    | Connected
    | TalkStarted
    | StreamReceived
    | Degraded
    | Restored
    | PushToTalk
    | ErrorRaised
    | Closed
)
