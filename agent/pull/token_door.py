"""Who a token belongs to, and how fast tokens may be tried.

Programs try again by themselves, and one with a wrong token must not lock out its neighbor on the
same machine. So nobody is locked out: whoever is wrong waits for the answer, and only so many wait
at once. That bounds all guesses together to MAX_WAITING a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum

from agent.counts import RefusalCounts, RefusalKind, refusals
from agent.web.log_budget import LogBudget

logger = logging.getLogger(__name__)

# seconds until whoever brings a wrong token hears of it
PAUSE = 1.0
# that wait for it at the same time
MAX_WAITING = 8
# sources that are remembered for having brought a right one
MAX_KNOWN = 256


class Denied(Enum):
    """Why nobody gets in."""

    NO_TOKEN = "no token"  # noqa: S105 - a word for it
    WRONG_TOKEN = "wrong token"  # noqa: S105 - a word for it
    # nothing was looked at: too many others are wrong at this moment
    TOO_MANY = "too many"


class TokenDoor:
    """`tokens` by the name of the consumer. Used in one thread."""

    def __init__(
        self,
        tokens: Mapping[str, str],
        counts: RefusalCounts = refusals,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._digests = {name: _digest(token) for name, token in tokens.items()}
        self._counts = counts
        self._sleep = sleep
        self._waiting = 0
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._log_budget = LogBudget()

    async def enter(self, token: str | None, source: str) -> str | Denied:
        """The name of the consumer whose `token` it is. `source` is whom the request comes from."""
        if token is None:
            return Denied.NO_TOKEN
        name = self._owner(token)
        if name is not None and (source, name) in self._known:
            return name
        if self._waiting >= MAX_WAITING:
            self._counts.count(RefusalKind.LOGIN)
            return Denied.TOO_MANY
        if name is not None:
            self._remember(source, name)
            return name
        self._counts.count(RefusalKind.LOGIN)
        if self._log_budget.may_log(time.monotonic()):
            logger.warning("a wrong token for [pull] from %s", source)
        self._waiting += 1
        try:
            await self._sleep(PAUSE)
        finally:
            self._waiting -= 1
        return Denied.WRONG_TOKEN

    def _owner(self, token: str) -> str | None:
        """Compared with every token there is, each in constant time."""
        given, owner = _digest(token), None
        for name, digest in self._digests.items():
            if hmac.compare_digest(given, digest):
                owner = name
        return owner

    def _remember(self, source: str, name: str) -> None:
        self._known[source, name] = None
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
