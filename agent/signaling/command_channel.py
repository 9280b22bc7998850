"""An operator's commands to one device, and the results that go back (PROTOCOL 6)."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.core.call.delivery import Delivery
from agent.core.policy.throttle import MessageRate, Throttle, ThrottleOptions
from agent.errors import MalformedMessage
from agent.signaling.broker import Broker, Incoming, StreamBounds
from agent.signaling.protocol.messages import (
    COMMANDS,
    Command,
    CommandResult,
    CommandResultEvent,
    encode,
    format_time,
    parse_command,
)
from agent.signaling.protocol.topics import MAX_TOPIC_LENGTH, CommandTopic, StatusTopic, Topics

logger = logging.getLogger(__name__)

_MAX_CORRELATION_DATA = 1024  # bytes
# seconds after a connect
DRAIN_TIMEOUT = 10.0
_MIB = 1024 * 1024
# So many get a result, if only that they are too many: nobody may send commands but those whom the
# broker's rules name. What is more is dropped in silence, as results cost as well.
ANSWERED = ThrottleOptions(
    sender=MessageRate(messages=250, size=12 * _MIB, burst_messages=700, burst_size=12 * _MIB),
    overall=MessageRate(messages=300, size=12 * _MIB, burst_messages=750, burst_size=12 * _MIB),
    reserve=MessageRate(messages=100, size=4 * _MIB, burst_messages=250, burst_size=4 * _MIB),
)
# there is room for both bursts
_WAITING = StreamBounds(messages=1024, size=16 * _MIB)


@dataclass(slots=True)
class CommandRequest:
    """One command. `reply` may be called once; without a response topic the result becomes an
    event.
    """

    verb: str
    command: Command | MalformedMessage
    id: str | None
    # in the broker, when the device (re)connected
    waited: bool
    reply: Callable[[CommandResult], asyncio.Future[Delivery]] = field(repr=False)
    ack: Callable[[], None] = field(default=lambda: None, repr=False)


class CommandChannel:
    """The commands to `uid`. Retained ones are acknowledged and left alone.

    Made before the broker's context is entered, it also hears what the broker has kept. `now` is
    the time of day in Unix seconds, `monotonic` a clock that is never set.

    What waited is known by a message of our own: a broker delivers to a session in the order in
    which it took messages in, so whatever comes before the status that we publish at each connect
    was there before it. `mark` is that status' correlation data. Where the broker does not let us
    read it, what comes in the first `DRAIN_TIMEOUT` seconds counts as having waited.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        uid: str,
        prefix: str,
        mark: Callable[[], bytes],
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._uid = uid
        self._topics = Topics(prefix)
        self._mark = mark
        self._now = now
        self._monotonic = monotonic
        self._drained = False
        self._connected_at = math.inf
        self._throttle = Throttle()
        self._commands = broker.subscribe(
            self._topics.commands_for(uid),
            self._topics.status(uid),
            bounds=_WAITING,
            throttle=Throttle(ANSWERED, is_known=_is_ours).by(monotonic),
        )
        broker.on_connection(self._on_connection)

    async def receive(self) -> CommandRequest:
        """The next command. Its `ack()` is the caller's, once it has been dealt with."""
        while True:
            incoming = await self._commands.receive()
            match self._topics.parse(incoming.topic):
                case CommandTopic(uid=self._uid, verb=verb) if not incoming.retain:
                    return self._command(verb, incoming)
                case StatusTopic(uid=self._uid):
                    mark = incoming.correlation_data
                    self._drained = self._drained or mark == self._mark()
                case _:
                    logger.debug("ignored: %s, retained: %s", incoming.topic, incoming.retain)
            incoming.ack()

    @property
    def drained(self) -> bool:
        """Whether all that waited at the present connection has been read, as far as our own
        message tells.
        """
        return self._drained

    def _on_connection(self, connected: bool) -> None:
        self._drained = False
        self._connected_at = self._monotonic() if connected else math.inf

    def _may_have_waited(self) -> bool:
        return not self._drained and self._monotonic() < self._connected_at + DRAIN_TIMEOUT

    def _command(self, verb: str, incoming: Incoming) -> CommandRequest:
        command: Command | MalformedMessage
        try:
            command = self._parsed(verb, incoming.payload)
            request_id = command.id
        except MalformedMessage as error:
            command, request_id = error, _salvage_id(error.value)

        def reply(result: CommandResult) -> asyncio.Future[Delivery]:
            return self._reply(verb, request_id, incoming, result)

        return CommandRequest(
            verb, command, request_id, self._may_have_waited(), reply, incoming.ack
        )

    def _parsed(self, verb: str, payload: bytes) -> Command:
        """Raises MalformedMessage; where there are too many, before anything is made of it."""
        if not self._throttle.admit(verb, len(payload), self._monotonic()):
            raise MalformedMessage("overloaded", "too many commands")
        return parse_command(verb, payload)

    def _reply(
        self, verb: str, request_id: str | None, incoming: Incoming, result: CommandResult
    ) -> asyncio.Future[Delivery]:
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
        """Whoever asks must not choose where the device publishes: below its replies alone, without
        wildcards.
        """
        size = len(topic.encode("utf-8", "replace"))
        if size > MAX_TOPIC_LENGTH or len(correlation_data or b"") > _MAX_CORRELATION_DATA:
            return False
        below = topic.removeprefix(self._topics.replies(self._uid))
        return below not in ("", topic) and not any(
            char in "+#" or not char.isprintable() for char in below
        )


def _is_ours(topic: str) -> bool:
    """Whether verbs that somebody made up must not use up what it needs."""
    last = topic.rpartition("/")[2]
    return last in COMMANDS or last == "status"


def _salvage_id(value: Mapping[str, object]) -> str | None:
    request_id = value.get("id")
    return request_id if isinstance(request_id, str) and len(request_id) <= 64 else None
