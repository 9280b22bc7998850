"""The events of a conversation and of the device, as they are published (PROTOCOL 5); `encode`
makes them JSON.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field

from agent.core.call.reasons import CallStatus, Direction, Purpose
from agent.core.statistics.reports import CallRecord, LocalStats, RemoteStats, Report
from agent.signaling.protocol.encoding import (
    WHOLE,
    Code,
    ConversationId,
    Sentence,
    Timestamp,
    Uid,
    WireModel,
)


class EventHeader(WireModel):
    """What every event of a conversation carries. `eventId` stays the same when a delivery is
    repeated.
    """

    event_id: str
    device: Uid
    conversation: ConversationId
    remote_uid: Uid
    direction: Direction
    timestamp: Timestamp
    # everyone who was invited, in an outgoing call
    targets: tuple[Uid, ...] | None = None
    # while it only looks; left out in a talk
    purpose: Purpose | None = None
    # how the far side came, where not by MQTT: `whep` or `go2rtc`
    via: str | None = None


class ConversationEvent(EventHeader):
    """One event. The topic's last level is the value of `event`."""

    QOS: ClassVar[int] = 1

    event: str

    @classmethod
    def of(cls, header: EventHeader, *reports: Report, **fields: Any) -> Self:
        """This event with the header's fields, the reports' and `fields`."""
        value = {
            name: each
            for part in (header, *reports)
            for name, each in part
            if name in cls.model_fields
        }
        return cls.model_validate(value | fields)


class CalledEvent(ConversationEvent):
    """An invitation arrived and was understood."""

    event: Literal["called"] = "called"
    user_data: Any = None


class ResponseEvent(ConversationEvent):
    """The invitation was answered. `rule` is the policy rule that decided."""

    event: Literal["response"] = "response"
    call_status: CallStatus
    reason: Code | None = None
    rule: str | None = None


class Track(WireModel):
    """One kind of media that arrives."""

    kind: str
    codec: str


class StreamReceivedEvent(ConversationEvent):
    """The far side's media arrived."""

    event: Literal["stream_received"] = "stream_received"
    tracks: tuple[Track, ...]


class ErrorEvent(ConversationEvent):
    """Something failed."""

    event: Literal["error"] = "error"
    code: Code
    message: Sentence


class ClosedEvent(ConversationEvent, CallRecord):
    """The conversation ended: the call record."""

    event: Literal["closed"] = "closed"


class LocalStatsEvent(ConversationEvent, LocalStats):
    """What this side sends."""

    QOS: ClassVar[int] = 0

    event: Literal["local_stats"] = "local_stats"


class RemoteStatsEvent(ConversationEvent, RemoteStats):
    """What arrives from the far side, and what it reports of our stream."""

    QOS: ClassVar[int] = 0

    event: Literal["remote_stats"] = "remote_stats"


class DeviceEvent(WireModel):
    """An event of the device itself; `conversation` where there is one. `eventId` stays the same
    when a delivery is repeated.
    """

    QOS: ClassVar[int] = 1

    event: str
    event_id: str
    device: Uid
    timestamp: Timestamp
    conversation: ConversationId | None = None


class RingEvent(DeviceEvent):
    """Somebody pressed a button. `conversation` is the call that was placed, `suppressed` says why
    none was, and `count` how many presses beyond the rate are told of at once.
    """

    event: Literal["ring"] = "ring"
    button: str
    targets: tuple[Uid, ...] = ()
    suppressed: (
        Literal["rate_limited", "privacy_mode", "busy", "already_ringing", "offline"] | None
    ) = None
    count: Annotated[int, Field(strict=True, ge=1), WHOLE] | None = None


class MissedEvent(DeviceEvent):
    """A ring ended, nobody had taken it, and the door was not opened. `message` is what the visitor
    left.
    """

    event: Literal["missed"] = "missed"
    button: str
    targets: tuple[Uid, ...] = ()
    message: str | None = None


class OutputEvent(DeviceEvent):
    """An output was switched, a door released (`open`), or that was refused, and why (`code`)."""

    event: Literal["output"] = "output"
    # what was asked for and is not there may be left out
    output: str | None = None
    action: Literal["on", "off", "open", "refused"]
    # a uid, or `button`, `command`, `device`
    by: str
    code: Code | None = None


class CommandResultEvent(WireModel):
    """What became of a command that named no response topic. Further fields belong to the verb."""

    model_config = ConfigDict(extra="allow")

    event: Literal["command_result"] = "command_result"
    id: str | None = None
    verb: str
    device: Uid
    timestamp: Timestamp
    ok: bool
    code: Code | None = None
    message: Sentence | None = None


EVENTS: dict[str, type[ConversationEvent] | type[DeviceEvent]] = {
    "called": CalledEvent,
    "response": ResponseEvent,
    "stream_received": StreamReceivedEvent,
    "closed": ClosedEvent,
    "ring": RingEvent,
    "missed": MissedEvent,
    "output": OutputEvent,
    "error": ErrorEvent,
    "local_stats": LocalStatsEvent,
    "remote_stats": RemoteStatsEvent,
}
