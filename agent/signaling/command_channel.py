"""An operator's commands to one device, and the results that go back (PROTOCOL 6)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.core.policy.throttle import Throttle
from agent.errors import MalformedMessage
from agent.signaling.broker import Broker, Incoming
from agent.signaling.protocol.messages import (
    Command,
    CommandResult,
    CommandResultEvent,
    encode,
    format_time,
    parse_command,
)
from agent.signaling.protocol.topics import MAX_TOPIC_LENGTH, CommandTopic, Topics

logger = logging.getLogger(__name__)

_MAX_CORRELATION_DATA = 1024  # bytes


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


class CommandChannel:
    """The commands to `uid`. Retained ones are acknowledged and left alone.

    Made before the broker's context is entered, it also hears what the broker has kept. `now` is
    the time of day in Unix seconds.
    """

    def __init__(
        self, broker: Broker, *, uid: str, prefix: str, now: Callable[[], float] = time.time
    ) -> None:
        self._broker = broker
        self._uid = uid
        self._topics = Topics(prefix)
        self._now = now
        self._commands = broker.subscribe(self._topics.commands_for(uid), throttle=Throttle())

    async def receive(self) -> CommandRequest:
        """The next command. Its `ack()` is the caller's, once it has been dealt with."""
        while True:
            incoming = await self._commands.receive()
            match self._topics.parse(incoming.topic):
                case CommandTopic(uid=self._uid, verb=verb) if not incoming.retain:
                    return self._command(verb, incoming)
            logger.debug("ignored: %s, retained: %s", incoming.topic, incoming.retain)
            incoming.ack()

    def _command(self, verb: str, incoming: Incoming) -> CommandRequest:
        command: Command | MalformedMessage
        try:
            command = parse_command(verb, incoming.payload)
            request_id = command.id
        except MalformedMessage as error:
            command, request_id = error, _salvage_id(error.value)

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
            return self._broker.publish(
                topic, encode(result), correlation_data=incoming.correlation_data
            )
        if topic is not None:
            logger.warning(
                "the response topic of a %s command cannot be used; answering with an event", verb
            )
        about = {
            "id": request_id,
            "verb": verb,
            "device": self._uid,
            "timestamp": format_time(self._now()),
        }
        event = CommandResultEvent.model_validate(dict(result) | about)
        return self._broker.publish(self._topics.event(self._uid, "command_result"), encode(event))

    def _may_reply_to(self, topic: str, correlation_data: bytes | None) -> bool:
        """A command must not make us speak in our own name: no protocol topic, no wildcard, no
        `$`.
        """
        size = len(topic.encode("utf-8", "replace"))
        if not 0 < size <= MAX_TOPIC_LENGTH or len(correlation_data or b"") > _MAX_CORRELATION_DATA:
            return False
        if topic.startswith("$") or any(c in "+#" or not c.isprintable() for c in topic):
            return False
        return not self._topics.is_reserved(topic)


def _salvage_id(value: Mapping[str, object]) -> str | None:
    request_id = value.get("id")
    return request_id if isinstance(request_id, str) and len(request_id) <= 128 else None
