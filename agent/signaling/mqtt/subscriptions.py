"""What is subscribed to at the broker: said on every connection, and whenever it changes.

A broker that forbids a subscription may say so, may end the connection, or may not answer at all.
Where the first SUBSCRIBE of a connection comes to nothing, each filter is asked for by itself on
the next ones, and the one that is at fault is left out.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from paho.mqtt import client as paho
from paho.mqtt.reasoncodes import ReasonCode

from agent.signaling.mqtt.paho_client import subscribe
from agent.signaling.mqtt.subscription_suspects import UNANSWERED, SubscriptionSuspects

logger = logging.getLogger(__name__)

# seconds for the broker to answer for one filter by itself
PATIENCE = 3.0
# seconds until one that the broker refused is asked for again, on the same connection
ASK_AGAIN = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """One topic filter; where the broker refuses an essential one, there is no connection."""

    topic_filter: str
    qos: int
    essential: bool


@dataclass(frozen=True, slots=True)
class SubscribeResult:
    """What the broker said to one of them. `refusal`: a sentence, None where it consented.
    `granted` is the QoS.
    """

    wanted: Wanted
    refusal: str | None
    granted: int = 1

    @classmethod
    def refused(cls, wanted: Wanted, why: str) -> SubscribeResult:
        text = f"the broker refuses the subscription to {wanted.topic_filter}: {why}"
        return cls(wanted, text)


Answers = tuple[list[SubscribeResult], bool]
"""What is known of some, and whether that was the last that a new connection waits for."""


class Subscriptions:
    """`want` and `drop` are the event loop's, the others the network thread's. Times in seconds, on
    a clock that does not jump.
    """

    def __init__(self, client: paho.Client) -> None:
        self._client = client
        self._wanted: dict[str, Wanted] = {}
        # ended while there was no connection: the session may still have them
        self._dropped: set[str] = set()
        # to be subscribed to as if it were for the first time; and asked for in this way
        self._renewed: set[str] = set()
        self._renewing: set[str] = set()
        self._asked: dict[int, tuple[Wanted, ...]] = {}
        # of what a new connection waits for, the last SUBSCRIBE
        self._last: int | None = None
        self._connected = False
        self._suspects = SubscriptionSuspects()
        # one by one: what is still to be asked for, and until when the one before may be answered
        self._next: deque[Wanted] = deque()
        self._until = math.inf
        self._refused_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def use(self, client: paho.Client) -> None:
        """Another client takes the place of the one before, while there is no connection."""
        with self._lock:
            self._client = client

    def want(self, *wanted: Wanted) -> None:
        with self._lock:
            for each in wanted:
                self._wanted[each.topic_filter] = each
                self._dropped.discard(each.topic_filter)
            if self._connected:
                self._ask(wanted)

    def drop(self, *filters: str) -> None:
        with self._lock:
            for name in filters:
                del self._wanted[name]
                self._refused_at.pop(name, None)
            if not self._connected:
                self._dropped.update(filters)
            elif filters:
                self._client.unsubscribe(list(filters))

    def renew(self, *filters: str) -> None:
        """Have what is retained for these given again on the next connection, by rumqttd as well,
        which gives it to a new subscription only, and to none that the session has.
        """
        with self._lock:
            self._renewed.update(filters)

    def connected(self, now: float) -> Answers:
        """Ask for everything: also where the session is said to be present, as it may be older
        than what we subscribe to now. What is left out counts as refused.
        """
        with self._lock:
            self._connected = True
            if self._dropped:
                self._client.unsubscribe(sorted(self._dropped))
                self._dropped.clear()
            out = self._suspects.begin(self._wanted, now)
            asked = [each for each in self._wanted.values() if each.topic_filter not in out]
            self._renewed.difference_update(out)
            if self._suspects.one_by_one:
                self._next.extend(asked)
                self._ask_next(now)
            else:
                self._last = self._ask(asked)
            results = [
                SubscribeResult.refused(self._wanted[name], why) for name, why in out.items()
            ]
            return results, self._last is None

    def disconnected(self, now: float, *, cut: bool, timed_out: bool) -> None:
        """The connection is over. `cut`: the broker ended it; `timed_out`: it did not answer."""
        with self._lock:
            waiting = [each.topic_filter for each in self._asked.get(self._last or 0, ())]
            if waiting and timed_out:
                self._suspects.timed_out()
            elif waiting and cut:
                self._suspects.lost(waiting, now)
            self._connected = False
            self._renewed |= self._renewing
            self._renewing.clear()
            self._last = None
            self._next.clear()
            self._asked.clear()
            self._refused_at.clear()

    def answered(self, mid: int, reasons: Sequence[ReasonCode], now: float) -> Answers:
        """What a SUBACK says."""
        with self._lock:
            asked = self._asked.pop(mid, ())
            for wanted, reason in zip(asked, reasons, strict=False):
                self._suspects.answered(wanted.topic_filter)
                self._refused_at.pop(wanted.topic_filter, None)
                if reason.is_failure:
                    self._refused_at[wanted.topic_filter] = now
            silent, last = [], mid == self._last and not self._ask_next(now)
            if last:
                silent = self._conclude(now)
        results = [_result(*each) for each in zip(asked, reasons, strict=False)]
        return results + silent, last

    def turn(self, now: float) -> Answers:
        """What was not answered in time; what was refused is asked for again once in a while."""
        with self._lock:
            for name, at in self._refused_at.items():
                if now - at >= ASK_AGAIN:
                    self._refused_at[name] = now
                    self._ask([self._wanted[name]])
            if self._last not in self._asked or now < self._until or self._ask_next(now):
                return [], False
            if len(self._waiting()) == len(self._wanted):
                # it answers nothing at all
                return [], False
            return self._conclude(now), True

    def _waiting(self) -> list[Wanted]:
        return [each for asked in self._asked.values() for each in asked]

    def _conclude(self, now: float) -> list[SubscribeResult]:
        """All has been asked for: what was not answered while others were."""
        silent = self._waiting() if self._suspects.one_by_one else []
        for each in silent:
            self._suspects.unanswered(each.topic_filter, now)
        self._suspects.all_answered()
        self._last, self._until = None, math.inf
        self._renewing.clear()
        return [SubscribeResult.refused(each, UNANSWERED) for each in silent]

    def _ask_next(self, now: float) -> bool:
        """Ask for the next filter by itself, and in the end for what is to be renewed; False where
        there is none.
        """
        if self._next:
            mid = self._ask([self._next.popleft()])
        elif renewed := self._take_renewed():
            # Behind a first SUBSCRIBE, as rumqttd forgets an UNSUBSCRIBE of what the session had;
            # and answered before we publish, as it reads what is retained only then.
            self._client.unsubscribe([each.topic_filter for each in renewed])
            mid = self._ask(renewed)
        else:
            return False
        self._until, self._last = now + PATIENCE, mid
        return True

    def _take_renewed(self) -> list[Wanted]:
        """What is to be renewed, and was granted on this connection."""
        out = {*self._refused_at, *(each.topic_filter for each in self._waiting())}
        self._renewing = (self._renewed - out) & self._wanted.keys()
        self._renewed.clear()
        return [self._wanted[name] for name in sorted(self._renewing)]

    def _ask(self, wanted: Sequence[Wanted]) -> int | None:
        if not wanted:
            return None
        mid = subscribe(self._client, [(each.topic_filter, each.qos) for each in wanted])
        if mid is not None:
            self._asked[mid] = tuple(wanted)
        return mid


def _result(wanted: Wanted, reason: ReasonCode) -> SubscribeResult:
    if reason.is_failure:
        return SubscribeResult.refused(wanted, str(reason))
    if reason.value < wanted.qos:
        text = "the broker grants %s with QoS %d: what comes while we are away is lost"
        logger.warning(text, wanted.topic_filter, reason.value)
    return SubscribeResult(wanted, None, reason.value)
