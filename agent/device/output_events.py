"""The event `output` (PROTOCOL 5): what was switched, a door that was released, or refused."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Literal

from agent.core.policy.throttle import MessageRate, TokenBucket
from agent.counts import RefusalKind, refusals
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.topics import Topics

# who else than a uid may have switched something
BUTTON, COMMAND, DEVICE = "button", "command", "device"
# refusals that are told: each is kept on the disk, and anybody may ask for a door. All are counted.
_REFUSALS = MessageRate(messages=10 / 60, size=0, burst_messages=30, burst_size=0)

Action = Literal["on", "off", "open"]


class OutputEvents:
    """Of one device; kept until the broker has them. `now` is the time of day in Unix seconds."""

    def __init__(
        self,
        outbox: Outbox,
        topics: Topics,
        uid: str,
        now: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._topic = topics.event(uid, "output")
        self._uid = uid
        self._now = now
        self._monotonic = monotonic
        self._refusals = TokenBucket(_REFUSALS)
        self._observers: list[Callable[[wire.OutputEvent], None]] = []

    def on_event(self, observer: Callable[[wire.OutputEvent], None]) -> None:
        """Call `observer` with each event that is told, for as long as this lives."""
        self._observers.append(observer)

    def done(self, output: str, action: Action, by: str, conversation: str | None = None) -> None:
        """It was switched, or released."""
        self._tell(output, action, by, conversation, None)

    def refused(
        self, output: str | None, by: str, code: str, conversation: str | None = None
    ) -> None:
        """It was not, because of `code`."""
        refusals.count(RefusalKind.DOOR)
        now = self._monotonic()
        if self._refusals.has(0, now):
            self._refusals.take(0)
            self._tell(output, "refused", by, conversation, code)

    def _tell(
        self,
        output: str | None,
        action: Literal["on", "off", "open", "refused"],
        by: str,
        conversation: str | None,
        code: str | None,
    ) -> None:
        event = wire.OutputEvent(
            event_id=str(uuid.uuid4()),
            device=self._uid,
            timestamp=wire.format_time(self._now()),
            conversation=conversation,
            output=output,
            action=action,
            by=by,
            code=code,
        )
        self._outbox.put("output", event.event_id, self._topic, wire.encode(event))
        for observer in self._observers:
            observer(event)
