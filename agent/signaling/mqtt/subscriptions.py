"""What is subscribed to at the broker: said on every connection, and whenever it changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from paho.mqtt import client as paho
from paho.mqtt.reasoncodes import ReasonCode

from agent.signaling.mqtt.paho_client import subscribe

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One topic filter; where the broker refuses an essential one, there is no connection."""

    topic_filter: str
    qos: int
    essential: bool


@dataclass(frozen=True, slots=True)
class SubscribeResult:
    """What the broker said to one of them; `refusal` is None where it consented."""

    wanted: Wanted
    refusal: str | None


class Subscriptions:
    """`want` and `drop` are the event loop's, the others the network thread's."""

    def __init__(self, client: paho.Client) -> None:
        self._client = client
        self._wanted: dict[str, Wanted] = {}
        # ended while there was no connection: the session may still have them
        self._dropped: set[str] = set()
        self._asked: dict[int, tuple[Wanted, ...]] = {}
        self._first: int | None = None
        self._connected = False
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
            if not self._connected:
                self._dropped.update(filters)
            elif filters:
                self._client.unsubscribe(list(filters))

    def connected(self) -> bool:
        """Ask for everything: also where the session is said to be present, as it may be older
        than what we subscribe to now. False where there is nothing to ask for.
        """
        with self._lock:
            self._connected = True
            if self._dropped:
                self._client.unsubscribe(sorted(self._dropped))
                self._dropped.clear()
            self._first = self._ask(tuple(self._wanted.values()))
            return self._first is not None

    def disconnected(self) -> None:
        with self._lock:
            self._connected = False
            self._first = None
            self._asked.clear()

    def answered(
        self, mid: int, reasons: Sequence[ReasonCode]
    ) -> tuple[list[SubscribeResult], bool]:
        """What a SUBACK says, and whether it is the one that `connected` asked for."""
        with self._lock:
            asked = self._asked.pop(mid, ())
            first = mid == self._first
        for wanted, reason in zip(asked, reasons, strict=False):
            if not reason.is_failure and reason.value < wanted.qos:
                text = "the broker grants %s with QoS %d: what comes while we are away is lost"
                logger.warning(text, wanted.topic_filter, reason.value)
        answers = [
            SubscribeResult(
                wanted,
                f"the broker refuses the subscription to {wanted.topic_filter}: {reason}"
                if reason.is_failure
                else None,
            )
            for wanted, reason in zip(asked, reasons, strict=False)
        ]
        return answers, first

    def _ask(self, wanted: Sequence[Wanted]) -> int | None:
        if not wanted:
            return None
        mid = subscribe(self._client, [(each.topic_filter, each.qos) for each in wanted])
        if mid is not None:
            self._asked[mid] = tuple(wanted)
        return mid
