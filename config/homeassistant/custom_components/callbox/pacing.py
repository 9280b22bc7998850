"""How fast a household may speak to a device (PROTOCOL 8).

A device drops, without a word, what a sender says too fast, and all screens of a household are one
sender. A dozen dashboards that open at once have some 130 messages: what is over waits here, the
candidates behind everything else, as a call comes about without most of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

Body = dict[str, Any]
Cancel = Callable[[], None]
Later = Callable[[float, Callable[[], None]], Cancel]

# a little below what a device lets through: messages at once and a second, and bytes
BURST, RATE = 80.0, 18.0
BURST_BYTES, RATE_BYTES = 200_000.0, 56_000.0
# messages that candidates leave to what goes before them
KEPT = 24.0
# messages that wait; further candidates are dropped
LONGEST_QUEUE = 256
# what a device admits of a caller that an `accept` rule names, each minute
INVITATIONS, MINUTE = 30, 60.0


class Pacer:
    """Calls `publish` at a pace that the device takes. `size` is the length of the payload."""

    def __init__(
        self, publish: Callable[[Body], None], later: Later, now: Callable[[], float]
    ) -> None:
        self._publish, self._later, self._now = publish, later, now
        self._urgent: deque[tuple[Body, int]] = deque()
        self._candidates: deque[tuple[Body, int]] = deque(maxlen=LONGEST_QUEUE)
        self._at = now()
        self._messages, self._bytes = BURST, BURST_BYTES
        self._timer: Cancel | None = None

    def say(self, body: Body, size: int) -> None:
        """In the order of a conversation, but that its other messages overtake its candidates."""
        if body["type"] == "candidate":
            self._candidates.append((body, size))
        else:
            if body["type"] == "close":
                self._forget(body["conversation"])
            self._urgent.append((body, size))
        if self._timer is None or self._urgent:
            self._flush()

    def stop(self) -> None:
        """What waits goes out now: it is little, and nobody will say it later."""
        if self._timer is not None:
            self._timer()
            self._timer = None
        for body, _ in self._urgent:
            self._publish(body)
        self._urgent.clear()
        self._candidates.clear()

    def _forget(self, conversation: str) -> None:
        kept = [each for each in self._candidates if each[0]["conversation"] != conversation]
        self._candidates = deque(kept, maxlen=LONGEST_QUEUE)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer()
            self._timer = None
        self._refill()
        while waiting := self._urgent or self._candidates:
            body, size = waiting[0]
            messages = 1.0 if self._urgent else 1.0 + KEPT
            bytes_ = min(size, BURST_BYTES)
            if self._messages < messages or self._bytes < bytes_:
                short = (messages - self._messages) / RATE, (bytes_ - self._bytes) / RATE_BYTES
                self._timer = self._later(max(*short, 0.01), self._flush)
                return
            waiting.popleft()
            self._messages -= 1
            self._bytes -= size
            self._publish(body)

    def _refill(self) -> None:
        now = self._now()
        passed, self._at = max(0.0, now - self._at), now
        self._messages = min(BURST, self._messages + passed * RATE)
        self._bytes = min(BURST_BYTES, self._bytes + passed * RATE_BYTES)


class InvitationBudget:
    """Invitations of the last minute. A dashboard that begins over and over is told so here: sent
    on, its invitations would use up what the other screens have.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._sent: deque[float] = deque(maxlen=INVITATIONS)

    def take(self) -> bool:
        """Whether there may be one more, which is counted."""
        now = self._now()
        if len(self._sent) == INVITATIONS and now - self._sent[0] < MINUTE:
            return False
        self._sent.append(now)
        return True
