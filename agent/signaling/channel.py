"""Typed signalling on top of a broker: what the client of the house speaks.

`receive()` gives the signalling that is meant for this device and could be read, or says why it
could not; `receive_command()` does so for commands. Each reads a stream of its own. Retained
messages, and topics that are not ours, are acknowledged and left alone. Nothing is answered here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.errors import MalformedMessage, SignalingError
from agent.signaling.broker import Broker, Incoming, MessageStream
from agent.signaling.protocol.encoding import is_conversation
from agent.signaling.protocol.json_limits import read_object
from agent.signaling.protocol.messages import (
    NO_CONVERSATION,
    Command,
    CommandResult,
    CommandResultEvent,
    ConversationEvent,
    Error,
    Invite,
    SignalMessage,
    encode,
    format_time,
    parse_command,
    parse_signal,
)
from agent.signaling.protocol.topics import MAX_TOPIC_LENGTH, CommandTopic, SignalTopic, Topics

logger = logging.getLogger(__name__)

_MAX_CORRELATION_DATA = 1024  # bytes
# bytes; reading 64 KiB takes milliseconds, on a small board tens of them
_LARGE = 1024


@dataclass(slots=True)
class Signal:
    """One signalling message from `sender`, who is named by the topic and so by the broker.

    `conversation` is the message's, as far as it could be read. `answerable` is False for a
    malformed `error`, so that two sides never send each other errors about errors.
    """

    sender: str
    message: SignalMessage | MalformedMessage
    conversation: str | None
    answerable: bool = True
    ack: Callable[[], None] = field(default=lambda: None, repr=False)


@dataclass(slots=True)
class CommandRequest:
    """One command. `reply` may be called once; without a response topic the result becomes an
    event.
    """

    verb: str
    command: Command | MalformedMessage
    id: str | None
    reply: Callable[[CommandResult], asyncio.Future[None]] = field(repr=False)
    ack: Callable[[], None] = field(default=lambda: None, repr=False)


class Signaling:
    """The messages of one device, `uid`, as the party `party`."""

    def __init__(
        self,
        broker: Broker,
        *,
        uid: str,
        prefix: str,
        party: str,
        commands: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`now` is the time of day in Unix seconds; without `commands` nobody can send any.

        Made before the broker's context is entered, it also hears what the broker has kept.
        """
        self.broker = broker
        self.uid = uid
        self.party = party
        self.topics = Topics(prefix)
        self._now = now
        self._signals = broker.subscribe(self.topics.signals_for(uid), essential=True)
        self._commands = broker.subscribe(self.topics.commands_for(uid)) if commands else None

    def send(
        self, to: str, message: SignalMessage, *, expiry: float | None = None
    ) -> asyncio.Future[None]:
        """Send `message` to the uid `to`. `expiry` in seconds; an invitation's is its lifetime."""
        if isinstance(message, Invite) and expiry is None:
            expiry = message.lifetime
        seconds = None if expiry is None else max(1, math.ceil(expiry))
        return self.broker.publish(
            self.topics.signal(to, self.uid), encode(message), expiry=seconds
        )

    def send_error(self, signal: Signal) -> asyncio.Future[None] | None:
        """Tell the sender of a malformed message what is wrong with it; None where that is not to
        be answered.
        """
        if not isinstance(signal.message, MalformedMessage) or not signal.answerable:
            return None
        message = Error(
            conversation=signal.conversation or NO_CONVERSATION,
            party=self.party,
            code=signal.message.code,
            message=str(signal.message),
        )
        return self.send(signal.sender, message)

    def publish_event(
        self, event: ConversationEvent, *, expiry: int | None = None
    ) -> asyncio.Future[None]:
        """Publish an event of a conversation; statistics with QoS 0."""
        return self.broker.publish(
            self.topics.event(self.uid, event.event), encode(event), qos=event.QOS, expiry=expiry
        )

    @property
    def takes_commands(self) -> bool:
        return self._commands is not None

    async def receive(self) -> Signal:
        """The next signalling message. Its `ack()` is the caller's, once it has been dealt with."""
        while True:
            incoming = await _next_of(self._signals)
            match self.topics.parse(incoming.topic):
                case SignalTopic(to=self.uid, sender=sender) if not incoming.retain:
                    return self._signal(sender, incoming)
            _pass_over(incoming)

    async def receive_command(self) -> CommandRequest:
        """The next command. Its `ack()` is the caller's, once it has been dealt with."""
        if self._commands is None:
            raise SignalingError("no commands are listened to")
        while True:
            incoming = await _next_of(self._commands)
            match self.topics.parse(incoming.topic):
                case CommandTopic(uid=self.uid, verb=verb) if not incoming.retain:
                    return self._command(verb, incoming)
            _pass_over(incoming)

    def _signal(self, sender: str, incoming: Incoming) -> Signal:
        try:
            message = parse_signal(incoming.payload)
        except MalformedMessage as error:
            conversation, kind = _salvage(incoming.payload)
            return Signal(sender, error, conversation, kind != "error", incoming.ack)
        return Signal(sender, message, message.conversation, True, incoming.ack)

    def _command(self, verb: str, incoming: Incoming) -> CommandRequest:
        command: Command | MalformedMessage
        try:
            command = parse_command(verb, incoming.payload)
            request_id = command.id
        except MalformedMessage as error:
            command, request_id = error, _salvage_id(incoming.payload)

        def reply(result: CommandResult) -> asyncio.Future[None]:
            return self._reply(verb, request_id, incoming, result)

        return CommandRequest(verb, command, request_id, reply, incoming.ack)

    def _reply(
        self, verb: str, request_id: str | None, incoming: Incoming, result: CommandResult
    ) -> asyncio.Future[None]:
        topic = incoming.response_topic
        if topic is not None and self._may_reply_to(topic, incoming.correlation_data):
            if request_id is not None:
                result = result.model_copy(update={"id": request_id})
            return self.broker.publish(
                topic, encode(result), correlation_data=incoming.correlation_data
            )
        if topic is not None:
            logger.warning(
                "the response topic of a %s command cannot be used; answering with an event", verb
            )
        about = {
            "id": request_id,
            "verb": verb,
            "device": self.uid,
            "timestamp": format_time(self._now()),
        }
        event = CommandResultEvent.model_validate(dict(result) | about)
        return self.broker.publish(self.topics.event(self.uid, "command_result"), encode(event))

    def _may_reply_to(self, topic: str, correlation_data: bytes | None) -> bool:
        """A command must not make us speak in our own name: no protocol topic, no wildcard, no
        `$`.
        """
        size = len(topic.encode("utf-8", "replace"))
        if not 0 < size <= MAX_TOPIC_LENGTH or len(correlation_data or b"") > _MAX_CORRELATION_DATA:
            return False
        if topic.startswith("$") or any(c in "+#" or not c.isprintable() for c in topic):
            return False
        return not self.topics.is_reserved(topic)


async def _next_of(stream: MessageStream) -> Incoming:
    incoming = await stream.receive()
    if len(incoming.payload) > _LARGE:
        # where many wait, nothing else has let pictures and deadlines have their turn
        await asyncio.sleep(0)
    return incoming


def _pass_over(incoming: Incoming) -> None:
    logger.debug("ignored: %s, retained: %s", incoming.topic, incoming.retain)
    incoming.ack()


def _salvage(payload: bytes) -> tuple[str | None, str | None]:
    """Conversation and type of a message that is malformed elsewhere."""
    value: dict[str, object] = {}
    with contextlib.suppress(MalformedMessage):
        value = read_object(payload)
    conversation, kind = value.get("conversation"), value.get("type")
    return (
        conversation if isinstance(conversation, str) and is_conversation(conversation) else None,
        kind if isinstance(kind, str) else None,
    )


def _salvage_id(payload: bytes) -> str | None:
    with contextlib.suppress(MalformedMessage):
        value = read_object(payload).get("id")
        return value if isinstance(value, str) and len(value) <= 128 else None
    return None
