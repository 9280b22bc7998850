"""What waits to be handled by a conversation: one queue, in order, bounded for what the remote peer
sends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from agent.core.call import events as ev
from agent.errors import InvalidStateError
from agent.ports import LocalStream

# inputs that wait; what the remote peer sends beyond it is dropped, as QoS 0 would be
LIMIT = 256


@dataclass(slots=True, eq=False)
class Item:
    """One input, and what decides whether it still means something when its turn comes."""

    event: ev.Input
    # a message: the conversation that it named
    signaled_as: str | None = None
    # from a transport: which one, as a generation may come twice
    transport: object | None = None
    # an acceptance: the media that comes with it
    local: LocalStream | None = None
    # a request: None, or why it was refused
    outcome: asyncio.Future[str | None] | None = None

    def is_stale(self, signaled_as: str, knows: Callable[[object], bool]) -> bool:
        """Whether it is of an invitation that was replaced (by `signaled_as`), or of a transport
        that was closed since.
        """
        if self.signaled_as is not None and self.signaled_as != signaled_as:
            return True
        return self.transport is not None and not knows(self.transport)

    def settle(self, refused: str | None) -> None:
        if self.outcome is not None and not self.outcome.done():
            self.outcome.set_result(refused)


class InputQueue:
    """Filled by anyone, emptied by the conversation's task, until it is closed."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._items: deque[Item] = deque()
        # what goes before all that waits
        self._urgent: deque[Item] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether the remote peer has sent more than is handled."""
        return len(self._items) >= LIMIT

    def put(self, item: Item, *, urgent: bool = False) -> None:
        """Once it is closed nobody listens any more: then this does nothing. An urgent one goes
        before those that are not.
        """
        if self._closed:
            item.settle("the conversation is closed")
            return
        (self._urgent if urgent else self._items).append(item)
        self._arrived.set()

    async def request(self, event: ev.Input, local: LocalStream | None = None) -> None:
        """Hand in an input of this side and wait until it was handled. Raises InvalidStateError if
        it is refused.
        """
        outcome: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.put(Item(event, local=local, outcome=outcome))
        refused = await outcome
        if refused is not None:
            raise InvalidStateError(refused)

    async def next(self, deadline: float | None) -> Item:
        """The next input; `DeadlineReached` at `deadline` (by the clock of the inputs) if there is
        none before.
        """
        while not (self._urgent or self._items):
            self._arrived.clear()
            delay = None if deadline is None else max(0.0, deadline - self._monotonic())
            try:
                async with asyncio.timeout(delay):
                    await self._arrived.wait()
            except TimeoutError:
                return Item(ev.DeadlineReached())
        return (self._urgent or self._items).popleft()

    def close(self) -> None:
        """Whatever waits is not handled any more, and whoever waits is told. Idempotent."""
        self._closed = True
        while waiting := self._urgent or self._items:
            waiting.popleft().settle("the conversation is closed")
