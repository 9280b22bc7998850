"""Each address of a name is tried, and the first that answers is taken (RFC 8305)."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Coroutine, Iterable
from itertools import chain, zip_longest
from typing import Any, TypeVar

# seconds from one attempt to the next, unless it fails before (RFC 8305 5)
ATTEMPT_DELAY = 0.25
# of a name: more are no help within the time that a server has
MAX_ATTEMPTS = 6

# this machine has no way there, which says nothing of the server
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EINVAL})

T = TypeVar("T")


def interleaved(addresses: Iterable[str]) -> list[str]:
    """By turns of each family, in their order (RFC 8305 4); the first stays first."""
    addresses = list(addresses)
    families = [[each for each in addresses if (":" in each) is six] for six in (False, True)]
    if addresses and ":" in addresses[0]:
        families.reverse()
    turns = chain.from_iterable(zip_longest(*families))
    return [each for each in turns if each is not None][:MAX_ATTEMPTS]


async def first_that_answers(
    addresses: Iterable[str],
    attempt: Callable[[str], Coroutine[Any, Any, T]],
    discard: Callable[[T], None],
) -> T:
    """What `attempt` returns for the first address that answers; `discard` gets what another one
    has returned meanwhile. Raises the failure that tells most where none does, and OSError where
    there is no address.
    """
    waiting, pending = interleaved(addresses), set[asyncio.Task[T]]()
    failures: list[BaseException] = []
    winner: asyncio.Task[T] | None = None
    try:
        try:
            while winner is None and (waiting or pending):
                if waiting:
                    pending.add(asyncio.create_task(attempt(waiting.pop(0)), name="attempt"))
                done, _ = await asyncio.wait(
                    pending,
                    timeout=ATTEMPT_DELAY if waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for task in done:
                    failure = task.exception()
                    if failure is not None:
                        failures.append(failure)
                        pending.discard(task)
                    elif winner is None:
                        winner = task
                        pending.discard(task)
        finally:
            await _end(pending, discard)
    except BaseException:
        # given up: nobody gets what has answered
        if winner is not None:
            discard(winner.result())
        raise
    if winner is not None:
        return winner.result()
    raise min(failures, key=_says_little) if failures else OSError("it has no address")


async def _end(pending: set[asyncio.Task[T]], discard: Callable[[T], None]) -> None:
    """Also where this wait is given up, all that answers is discarded."""

    def ended(task: asyncio.Task[T]) -> None:
        if not task.cancelled() and task.exception() is None:
            discard(task.result())

    for task in pending:
        task.cancel()
        task.add_done_callback(ended)
    await asyncio.gather(*pending, return_exceptions=True)


def _says_little(failure: BaseException) -> bool:
    return isinstance(failure, OSError) and failure.errno in _NO_ROUTE
