"""Which topic a broker ends the connection for, or leaves unacknowledged: some do, instead of
refusing the one message.

MQTT 5 lets a broker answer a PUBLISH that it does not allow by PUBACK, by DISCONNECT, or by closing
the connection (4.13). As an unacknowledged message is sent again on the next connection, such a
message would cut each of them. PUBACK comes in the order of PUBLISH (4.6), yet some brokers take
their time with it: so after a first loss messages go one at a time, and what stands alone is the
one.

A network that is cut, or another client of our name, may end connections behind the same topic by
chance. A broker that forbids a topic does so behind each message to it, and behind that one alone:
so one that the connection outlived counts for the topic, a loss behind nothing at all counts for
every topic that is not sure, and the first second look, which makes it sure, comes soon.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from agent.signaling.mqtt.publish_queue import Outgoing

logger = logging.getLogger(__name__)

SET_ASIDE = "the broker ends the connection for it"
UNANSWERED = "the broker does not acknowledge it"
# losses behind messages to one topic, none of them acknowledged in between; and where the broker
# is known to end connections for topics
MAX_LOSSES = 3
MAX_LOSSES_KNOWN = 2
# and while another client of our name is about, which ends them at any moment
MAX_LOSSES_RIVAL = 8
# seconds from a message to the end of the connection
DIRECTLY = 2.0
# of one that went alone: a busy broker takes its time, and a dead network takes longer still
DIRECTLY_ALONE = 5.0
# and of QoS 0, which nothing acknowledges: by chance it is often the last
DIRECTLY_QOS_0 = 0.5
# seconds until a topic that was set aside is tried once more: by what costs a connection, the first
# time and later; and by what paho holds until the next one
FIRST_RETRY = 60.0
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


class SetAside(NamedTuple):
    """`until` when, and `why`. `sure`: a second look came to the same."""

    until: float
    why: str
    sure: bool


class PublishSuspects:
    """Times in seconds, on any clock that does not jump."""

    def __init__(self) -> None:
        self._losses: dict[str, int] = {}
        self._set_aside: dict[str, SetAside] = {}
        # another client of our name is about
        self._rival = False
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
        return {**self._refused, **{topic: each.why for topic, each in self._set_aside.items()}}

    def refuses(self, topic: str, now: float) -> str | None:
        """Why messages to `topic` are not to be sent for now; None where they are."""
        found = self._set_aside.get(topic)
        return found.why if found is not None and now < found.until else None

    def due(self, topic: str) -> float:
        """From when on a second look at `topic` is worth a message of its own: never again once one
        came to the same, as each may cost a connection.
        """
        found = self._set_aside.get(topic)
        if found is None:
            return -math.inf
        return math.inf if found.sure else found.until

    def rival_stands(self, stands: bool) -> None:
        """Whether another client of our name is about: each ends the other's connections."""
        if stands and not self._rival:
            self._clear("another client of our name may have ended the connection")
        self._rival = stands

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
        if self._set_aside.pop(topic, None) is not None:
            logger.warning("messages to %s are sent again: the broker has taken one", topic)
        self._refused.pop(topic, None)
        if refusal is not None:
            self._refused[topic] = f"the broker refuses it: {refusal}"
            _forget_oldest(self._refused)

    def drained(self) -> None:
        """Nothing waits any more."""
        self.one_at_a_time = False

    def lost(self, handed: Sequence[Outgoing], now: float) -> Loss:
        """The broker has ended the connection. `handed` are the messages that it has not
        acknowledged: each of them counts; judged is what went alone, or for a second look.
        """
        if not handed:
            return self._lost_behind_nothing(now)
        directly = DIRECTLY_ALONE if self.one_at_a_time else DIRECTLY
        began = self.connected_at
        fresh = {each.topic: 0 for each in handed if now - max(each.handed_at, began) <= directly}
        if not fresh:
            return Loss(False, None)
        again, self.one_at_a_time = self.one_at_a_time, True
        enough = [topic for topic in fresh if self._count(topic)]
        if len(handed) > 1:
            enough = [topic for topic in enough if self._is_confirmed(topic)]
        if not enough:
            return Loss(again, None)
        self._end(enough[0], now)
        # paho must not send it again
        return Loss(True, enough[0])

    def _lost_behind_nothing(self, now: float) -> Loss:
        """Nothing waits to be acknowledged."""
        last, self._last_qos_0 = self._last_qos_0, None
        if last is None or now - last[1] > DIRECTLY:
            if last is not None:
                self.acknowledged(last[0])
            self._clear("the connection ends without them as well")
        elif now - max(last[1], self.connected_at) <= DIRECTLY_QOS_0:
            self.one_at_a_time = True
            if self._count(last[0]):
                self._end(last[0], now)
                return Loss(True, last[0])
        return Loss(False, None)

    def _count(self, topic: str) -> bool:
        """A loss directly behind this topic: whether that is one too many."""
        self._losses[topic] = self._losses.pop(topic, 0) + 1
        _forget_oldest(self._losses)
        return self._is_confirmed(topic) or self._losses[topic] >= self._enough

    def _end(self, topic: str, now: float) -> None:
        sure = self._is_confirmed(topic)
        del self._losses[topic]
        self._set(topic, SetAside(now + (RETRY if sure else FIRST_RETRY), SET_ASIDE, sure))

    def _is_confirmed(self, topic: str) -> bool:
        """Whether a loss behind it is one behind a second look, of which one is enough."""
        before = self._set_aside.get(topic)
        return before is not None and before.why == SET_ASIDE and (before.sure or not self._rival)

    @property
    def _enough(self) -> int:
        if self._rival:
            return MAX_LOSSES_RIVAL
        cuts = any(each.why == SET_ASIDE for each in self._set_aside.values())
        return MAX_LOSSES_KNOWN if cuts else MAX_LOSSES

    def _clear(self, reason: str) -> None:
        """Whatever is not sure may have been chance."""
        self._losses.clear()
        for topic, each in [*self._set_aside.items()]:
            if each.why == SET_ASIDE and not each.sure:
                del self._set_aside[topic]
                logger.warning("messages to %s are sent again: %s", topic, reason)

    def unanswered(self, topic: str, now: float) -> None:
        """A message was not acknowledged, while the broker answered all else."""
        self._set(topic, SetAside(now + RETRY_UNANSWERED, UNANSWERED, sure=True))

    def _set(self, topic: str, what: SetAside) -> None:
        self._set_aside[topic] = what
        _forget_oldest(self._set_aside)
        logger.error("messages to %s are set aside: %s", topic, what.why)


def _forget_oldest(table: dict[str, Any]) -> None:
    if len(table) > MEMORY:
        del table[next(iter(table))]
