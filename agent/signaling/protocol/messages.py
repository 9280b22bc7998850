"""The signalling messages, as models (PROTOCOL 2). With `events` and `commands` they are the only
JSON shapes.

Everything that goes over the wire can be imported from here. A message that cannot be used raises
MalformedMessage. Its text names the field; its code is one of too_large, not_json, too_deep,
not_an_object, unknown_type, unknown_verb and invalid.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from agent.core.call import events as core
from agent.core.call.reasons import CallStatus, Purpose
from agent.errors import MalformedMessage
from agent.signaling.protocol.command_messages import (
    COMMANDS,
    AcceptCommand,
    CallCommand,
    CloseCommand,
    Command,
    CommandResult,
    DeleteCommand,
    MessagesCommand,
    MuteCommand,
    OpenCommand,
    PlayCommand,
    PolicyCommand,
    PrivacyCommand,
    RejectCommand,
    ReloadCommand,
    SayCommand,
    SilenceCommand,
    SnapshotCommand,
    VolumeCommand,
    parse_command,
)
from agent.signaling.protocol.device_status import (
    About,
    AboutOutput,
    DeviceSettings,
    Health,
    LineState,
    OutputState,
    Override,
    Status,
)
from agent.signaling.protocol.door_messages import Error, Open, Opened
from agent.signaling.protocol.encoding import (
    WHOLE,
    Code,
    Description,
    Lifetime,
    PartyId,
    SignalMessage,
    Timestamp,
    Token,
    Uid,
    encode,
    format_time,
    parse_time,
    validated,
)
from agent.signaling.protocol.ice_messages import RTCIceCandidate, RTCIceServer
from agent.signaling.protocol.json_limits import MAX_DEPTH, MAX_PAYLOAD, bounded, read_object
from agent.signaling.protocol.telemetry import (
    EVENTS,
    CalledEvent,
    ClosedEvent,
    CommandResultEvent,
    ConversationEvent,
    DeviceEvent,
    ErrorEvent,
    EventHeader,
    LocalStatsEvent,
    MissedEvent,
    OutputEvent,
    RemoteStatsEvent,
    ResponseEvent,
    RingEvent,
    StreamReceivedEvent,
    Track,
)

# bytes of compact JSON
MAX_USER_DATA = 4 * 1024
# in an `error` about a message that named none
NO_CONVERSATION = "00000000-0000-0000-0000-000000000000"


def _check_user_data(value: Any) -> Any:
    size = len(
        json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    )
    if size > MAX_USER_DATA:
        raise ValueError(f"must be at most {MAX_USER_DATA} bytes of JSON, not {size}")
    return value


class Invite(SignalMessage):
    """Inviter to invitee: an offer. Not to be rung for after `sentAt + lifetime`."""

    type: Literal["invite"] = "invite"
    sdp: Description
    sent_at: Timestamp
    lifetime: Lifetime = 30
    user_data: Annotated[Any, AfterValidator(_check_user_data)] = None
    # a talk where it is left out
    purpose: Purpose | None = None
    ice_servers: Annotated[tuple[RTCIceServer, ...], Field(max_length=10)] | None = None
    auth: Token | None = None

    @property
    def sent_at_unix(self) -> float:
        """`sentAt` in Unix seconds, by the inviter's clock."""
        return parse_time(self.sent_at)


class Ringing(SignalMessage):
    """Invitee to inviter: a person is being asked, for `expiresIn` seconds."""

    type: Literal["ringing"] = "ringing"
    expires_in: Annotated[float, Field(strict=True, ge=0, le=3600)]


_ACCEPTED_NEEDS_SDP: dict[str, Any] = {
    "if": {"properties": {"callStatus": {"const": "ACCEPTED"}}},
    "then": {"properties": {"sdp": {"type": "string"}}, "required": ["sdp"]},
}


class Response(SignalMessage):
    """Invitee to inviter: the answer. ACCEPTED carries the SDP; the others carry a reason (and
    `now`, if `expired`).
    """

    model_config = ConfigDict(json_schema_extra=_ACCEPTED_NEEDS_SDP)

    type: Literal["response"] = "response"
    call_status: CallStatus
    sdp: Description | None = None
    reason: Code | None = None
    now: Timestamp | None = None
    auth: Token | None = None

    @model_validator(mode="after")
    def _accepted_with_sdp(self) -> Self:
        if self.call_status is CallStatus.ACCEPTED and self.sdp is None:
            raise ValueError("sdp is required where callStatus is ACCEPTED")
        return self


class Select(SignalMessage):
    """Inviter to invitee: whose ACCEPTED counts."""

    type: Literal["select"] = "select"
    selected_party: PartyId


class Candidate(SignalMessage):
    """Either to either: one more candidate, or null for the end of them."""

    NULLABLE: ClassVar[frozenset[str]] = frozenset({"candidate"})

    type: Literal["candidate"] = "candidate"
    candidate: RTCIceCandidate | None

    def to_core(self) -> core.IceCandidate | None:
        """None is the end of all candidates. An empty one ends those of the section that it names
        (RFC 8840), or all where it names none.
        """
        found = self.candidate.to_core() if self.candidate is not None else None
        if found is None or found.candidate:
            return found
        return None if (found.sdp_mid, found.sdp_mline_index) == (None, None) else found


class Offer(SignalMessage):
    """Either to either: a fresh transport for the same conversation."""

    type: Literal["offer"] = "offer"
    generation: Annotated[int, Field(strict=True, ge=1, le=1_000_000), WHOLE]
    sdp: Description


class Answer(SignalMessage):
    """The answer to the `offer` of the same generation."""

    type: Literal["answer"] = "answer"
    generation: Annotated[int, Field(strict=True, ge=1, le=1_000_000), WHOLE]
    sdp: Description


class Close(SignalMessage):
    """The conversation ends. `reason` is a word of PROTOCOL 4, or of a later version:
    `CloseReason.parse` reads it. `by`: who answered, where that is why.
    """

    type: Literal["close"] = "close"
    reason: Code
    by: Uid | None = None


class Talk(SignalMessage):
    """Remote peer to device: push-to-talk is on, or off."""

    type: Literal["talk"] = "talk"
    on: Annotated[bool, Field(strict=True)]


AnySignal = Annotated[
    Invite
    | Ringing
    | Response
    | Select
    | Candidate
    | Offer
    | Answer
    | Close
    | Talk
    | Open
    | Opened
    | Error,
    Field(discriminator="type"),
]
SIGNALS: dict[str, type[SignalMessage]] = {
    "invite": Invite,
    "ringing": Ringing,
    "response": Response,
    "select": Select,
    "candidate": Candidate,
    "offer": Offer,
    "answer": Answer,
    "close": Close,
    "talk": Talk,
    "open": Open,
    "opened": Opened,
    "error": Error,
}


def parse_signal(payload: bytes) -> SignalMessage:
    """The message in `payload`. Raises MalformedMessage, and nothing else."""
    value = read_object(payload)
    kind = value.get("type")
    if not isinstance(kind, str):
        raise MalformedMessage("invalid", "type: must be a string", value)
    model = SIGNALS.get(kind)
    if model is None:
        raise MalformedMessage("unknown_type", bounded(f"type: {kind!r} is not known"), value)
    return validated(model, value, kind)


__all__ = [
    "COMMANDS",
    "EVENTS",
    "MAX_DEPTH",
    "MAX_PAYLOAD",
    "MAX_USER_DATA",
    "NO_CONVERSATION",
    "SIGNALS",
    "About",
    "AboutOutput",
    "AcceptCommand",
    "Answer",
    "AnySignal",
    "CallCommand",
    "CalledEvent",
    "Candidate",
    "Close",
    "CloseCommand",
    "ClosedEvent",
    "Command",
    "CommandResult",
    "CommandResultEvent",
    "ConversationEvent",
    "DeleteCommand",
    "DeviceEvent",
    "DeviceSettings",
    "Error",
    "ErrorEvent",
    "EventHeader",
    "Health",
    "Invite",
    "LineState",
    "LocalStatsEvent",
    "MessagesCommand",
    "MissedEvent",
    "MuteCommand",
    "Offer",
    "Open",
    "OpenCommand",
    "Opened",
    "OutputEvent",
    "OutputState",
    "Override",
    "PlayCommand",
    "PolicyCommand",
    "PrivacyCommand",
    "RTCIceCandidate",
    "RTCIceServer",
    "RejectCommand",
    "ReloadCommand",
    "RemoteStatsEvent",
    "Response",
    "ResponseEvent",
    "RingEvent",
    "Ringing",
    "SayCommand",
    "Select",
    "SignalMessage",
    "SilenceCommand",
    "SnapshotCommand",
    "Status",
    "StreamReceivedEvent",
    "Talk",
    "Track",
    "VolumeCommand",
    "encode",
    "format_time",
    "parse_command",
    "parse_signal",
    "parse_time",
]
