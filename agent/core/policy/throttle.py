"""How fast somebody may send: token buckets in front of whatever is costly (PROTOCOL 8)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MessageRate:
    """What is let through in the long run, and at once after a pause."""

    messages: float  # a second
    size: float  # bytes a second
    burst_messages: float
    burst_size: float  # bytes


@dataclass(frozen=True, slots=True)
class ThrottleOptions:
    """`sender` holds for each sender, `overall` for all together; `reserve` is what those who are
    known have beside it.

    A call is set up with some 30 messages, and with 80 KiB where descriptions are long. At these
    rates a sender costs the parser at most some 2 % of a core, and all together 5 %.
    """

    sender: MessageRate = MessageRate(
        messages=20, size=64 * 1024, burst_messages=100, burst_size=256 * 1024
    )
    overall: MessageRate = MessageRate(
        messages=200, size=512 * 1024, burst_messages=600, burst_size=2 * 1024 * 1024
    )
    reserve: MessageRate = MessageRate(
        messages=60, size=192 * 1024, burst_messages=300, burst_size=768 * 1024
    )
    # the one longest silent is forgotten first, and begins with a full bucket again
    senders: int = 1024


Admits = Callable[[str, int], bool]
"""Whether a message of that sender and size, in bytes, may pass."""


@dataclass(slots=True)
class TokenBucket:
    """Messages and bytes, refilled with time, up to the burst."""

    rate: MessageRate
    _at: float = 0.0
    _messages: float = field(init=False)
    _size: float = field(init=False)

    def __post_init__(self) -> None:
        self._messages, self._size = self.rate.burst_messages, self.rate.burst_size

    def has(self, size: int, now: float) -> bool:
        """Whether a message of `size` bytes may pass at `now`, in seconds of a clock that never
        goes back.
        """
        rate, passed = self.rate, now - self._at
        if passed > 0:
            self._messages = min(rate.burst_messages, self._messages + passed * rate.messages)
            self._size = min(rate.burst_size, self._size + passed * rate.size)
            self._at = now
        return self._messages >= 1 and self._size >= size

    def take(self, size: int) -> None:
        """It passes."""
        self._messages -= 1
        self._size -= size


class Throttle:
    """Judges messages by who sent them, before anything is made of them.

    What one sender is refused takes nothing from the others. Many senders, or one under many names,
    can use up what all have together; whoever `is_known` still has the reserve then. Not for
    several threads at once.
    """

    def __init__(
        self,
        options: ThrottleOptions | None = None,
        *,
        is_known: Callable[[str], bool] = lambda _sender: False,
    ) -> None:
        self._options = options or ThrottleOptions()
        self._is_known = is_known
        self._overall = TokenBucket(self._options.overall)
        self._reserve = TokenBucket(self._options.reserve)
        self._senders: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        """Senders remembered."""
        return len(self._senders)

    def by(self, monotonic: Callable[[], float]) -> Admits:
        """`admit` at the time that this clock shows."""
        return lambda sender, size: self.admit(sender, size, monotonic())

    def admit(self, sender: str, size: int, now: float) -> bool:
        """Whether a message of `size` bytes may pass at `now`, in seconds of a clock that never
        goes back.
        """
        bucket = self._senders.get(sender)
        if bucket is None:
            bucket = self._senders[sender] = TokenBucket(self._options.sender, now)
            if len(self._senders) > self._options.senders:
                self._senders.popitem(last=False)
        if not bucket.has(size, now):
            return False
        common = self._overall
        if not common.has(size, now):
            common = self._reserve
            if not (common.has(size, now) and self._is_known(sender)):
                return False
        self._senders.move_to_end(sender)
        bucket.take(size)
        common.take(size)
        return True
