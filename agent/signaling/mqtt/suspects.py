"""Which topic a broker ends the connection for, or leaves unacknowledged: some do, instead of
refusing the one message.

MQTT 5 lets a broker answer a PUBLISH that it does not allow by PUBACK, by DISCONNECT, or by closing
the connection (4.13). As an unacknowledged message is sent again on the next connection, such a
message would cut each of them. PUBACK comes in the order of PUBLISH (4.6), yet some brokers take
their time with it: so after a first loss messages go one at a time, and what stands alone is the
one.
"""

from __future__ import annotations

import logging
import math
from typing import Any, NamedTuple

from agent.signaling.mqtt.publish_queue import Outgoing

logger = logging.getLogger(__name__)

SET_ASIDE = "the broker ends the connection for it"
UNANSWERED = "the broker does not acknowledge it"
# losses behind messages to one topic, none of them acknowledged in between; and where the broker
# is known to end connections for topics
MAX_LOSSES = 3
MAX_LOSSES_KNOWN = 2
# seconds from a message to the end of the connection
DIRECTLY = 2.0
# and of QoS 0, which nothing acknowledges: by chance it is often the last
DIRECTLY_QOS_0 = 0.5
# seconds until a topic that was set aside is tried once more: by what costs a connection, and by
# what paho holds until the next one
RETRY = 600.0
RETRY_UNANSWERED = 6 * 3600.0
# topics that are remembered, of each sort
MEMORY = 64


class Loss(NamedTuple):
    """What follows from a lost connection. `alone`: what was handed over is to go again one by one.
    `topic`: what is set aside from now on.
    """

    alone: bool
    topic: str | None


class PublishSuspects:
    """Times in seconds, on any clock that does not jump."""

    def __init__(self) -> None:
        self._losses: dict[str, int] = {}
        # until when, and why
        self._set_aside: dict[str, tuple[float, str]] = {}
        # the broker ends connections for topics
        self._cuts = False
        # why
        self._refused: dict[str, str] = {}
        self.connected_at = -math.inf
        # the last one of QoS 0: nothing acknowledges it
        self._last_qos_0: tuple[str, float] | None = None
        # hand no message over before the one before it was acknowledged
        self.one_at_a_time = False

    @property
    def topics(self) -> dict[str, str]:
        """What was set aside, or refused the last time, and not taken by the broker since; with the
        reason.
        """
        return {**self._refused, **{topic: why for topic, (_, why) in self._set_aside.items()}}

    def refuses(self, topic: str, now: float) -> str | None:
        """Why messages to `topic` are not to be sent for now; None where they are."""
        until, why = self._set_aside.get(topic, (-math.inf, ""))
        return why if now < until else None

    def connected(self, now: float) -> None:
        self.connected_at, self._last_qos_0 = now, None

    def sent_qos_0(self, topic: str, now: float) -> None:
        """A message of QoS 0 was handed over. One before it that cost nothing is in order."""
        if self._last_qos_0 is not None and now - self._last_qos_0[1] > DIRECTLY:
            self.acknowledged(self._last_qos_0[0])
        self._last_qos_0 = (topic, now)

    def acknowledged(self, topic: str, refusal: str | None = None) -> None:
        """The broker has taken one, or refused it in good order."""
        self._losses.pop(topic, None)
        self._set_aside.pop(topic, None)
        self._refused.pop(topic, None)
        if refusal is not None:
            self._refused[topic] = f"the broker refuses it: {refusal}"
            _forget_oldest(self._refused)

    def drained(self) -> None:
        """Nothing waits any more."""
        self.one_at_a_time = False

    def lost(self, oldest: Outgoing | None, now: float) -> Loss:
        """The broker has ended the connection. `oldest` is the first of the messages that it has
        not acknowledged.
        """
        suspect = (oldest.topic, oldest.handed_at) if oldest is not None else self._last_qos_0
        directly = DIRECTLY if oldest is not None else DIRECTLY_QOS_0
        if suspect is None or now - max(suspect[1], self.connected_at) > directly:
            return Loss(False, None)
        again, self.one_at_a_time = self.one_at_a_time, True
        topic = suspect[0]
        self._losses[topic] = self._losses.pop(topic, 0) + 1
        _forget_oldest(self._losses)
        enough = MAX_LOSSES_KNOWN if self._cuts else MAX_LOSSES
        if self._losses[topic] < enough:
            return Loss(again, None)
        # the next loss for it is enough
        self._losses[topic], self._cuts = enough - 1, True
        self._set(topic, SET_ASIDE, now + RETRY)
        return Loss(again, topic)

    def unanswered(self, topic: str, now: float) -> None:
        """A message was not acknowledged, while the broker answered all else."""
        self._set(topic, UNANSWERED, now + RETRY_UNANSWERED)

    def _set(self, topic: str, why: str, until: float) -> None:
        self._set_aside[topic] = (until, why)
        _forget_oldest(self._set_aside)
        logger.error("messages to %s are set aside: %s", topic, why)


def _forget_oldest(table: dict[str, Any]) -> None:
    if len(table) > MEMORY:
        del table[next(iter(table))]
