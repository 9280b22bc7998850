"""Commands of the last hour, so that a repeated delivery is carried out once (PROTOCOL 6)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from agent.signaling.protocol.messages import CommandResult, encode

# seconds
MEMORY = 3600.0
# commands; beyond, the oldest are forgotten
MAX_COMMANDS = 16_384
# bytes of results, of which a snapshot has some 50,000; beyond, the oldest are given up
MAX_RESULTS = 4 * 1024 * 1024

NOT_KEPT = CommandResult.failure("repeated", "it was carried out before; its result is not kept")


@dataclass(slots=True)
class _Entry:
    at: float
    result: asyncio.Future[CommandResult]
    size: int = 0


class CommandHistory:
    """By verb and `id`. `monotonic` is a clock that is never set, in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def begin(self, verb: str, request: str) -> asyncio.Future[CommandResult] | None:
        """None for a command that is new, and now is under way; else the result of the one that was
        there before, once it has one.
        """
        self._forget()
        entry = self._entries.get((verb, request))
        if entry is not None:
            return entry.result
        result: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()
        self._entries[(verb, request)] = _Entry(self._monotonic(), result)
        return None

    def finish(self, verb: str, request: str, result: CommandResult) -> None:
        """What became of it."""
        entry = self._entries.get((verb, request))
        if entry is None or entry.result.done():
            return
        entry.result.set_result(result)
        entry.size = len(encode(result))
        self._size += entry.size
        self._give_up_results()

    def _forget(self) -> None:
        horizon = self._monotonic() - MEMORY
        while self._entries:
            key, oldest = next(iter(self._entries.items()))
            if oldest.at > horizon and len(self._entries) < MAX_COMMANDS:
                return
            self._size -= oldest.size
            del self._entries[key]

    def _give_up_results(self) -> None:
        for entry in self._entries.values():
            if self._size <= MAX_RESULTS:
                return
            if entry.size:
                self._size -= entry.size
                entry.size = 0
                entry.result = asyncio.get_running_loop().create_future()
                entry.result.set_result(NOT_KEPT)
