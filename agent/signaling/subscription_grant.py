"""Whether the broker has consented to a subscription, on the present connection."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from agent.errors import NotConnected, SignalingError


class SubscriptionGrant:
    """Of all topic filters of one reader. Belongs to the event loop."""

    def __init__(self, filters: Collection[str]) -> None:
        self._filters = filters
        self._pending = set(filters)
        self._refusal: str | None = None
        self._answered = asyncio.Event()

    async def wait(self, timeout: float) -> None:
        """Return once all were granted. Raises SignalingError where one was refused, NotConnected
        after `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._answered.wait()
        except TimeoutError:
            raise NotConnected(f"not subscribed after {timeout:g} s") from None
        if self._refusal is not None:
            raise SignalingError(self._refusal)

    def answered(self, topic_filter: str, refusal: str | None) -> None:
        """The broker has answered a SUBSCRIBE for one of the filters."""
        self._pending.discard(topic_filter)
        self._refusal = self._refusal or refusal
        if not self._pending:
            self._answered.set()

    def disconnected(self) -> None:
        """What the broker had granted counts no more."""
        self._pending, self._refusal = set(self._filters), None
        self._answered.clear()
