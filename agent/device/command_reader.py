"""Which commands are carried out (PROTOCOL 6): those that the settings name, once, and in time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from types import TracebackType
from typing import Self

from agent.client.tasks import Tasks
from agent.core.policy.throttle import MessageRate, TokenBucket
from agent.counts import RefusalKind, refusals
from agent.device.clock_watch import is_set
from agent.device.command_history import CommandHistory
from agent.errors import MalformedMessage
from agent.signaling.command_channel import CommandChannel, CommandRequest
from agent.signaling.protocol import messages as wire

logger = logging.getLogger(__name__)

# seconds from `issuedAt`
LATEST = 30.0
# commands; an answer that waits for the camera takes seconds
MAX_UNDER_WAY = 16
# results on their way to the broker, which are not all that its queue has room for
MAX_RESULTS = 64
# lines of the log about commands that were refused
_COMPLAINTS = MessageRate(messages=10 / 60, size=0, burst_messages=20, burst_size=0)
# seconds for those that are under way at the end
FINISH_TIMEOUT = 2.0

CarryOut = Callable[[wire.Command], Awaitable[wire.CommandResult]]


class CommandReader:
    """Reads `commands` while its context is open, and answers each with its result, as fast as the
    broker takes them.

    One is acknowledged after its result was handed over, so what the device has not answered when
    it dies comes again, and is late then. `wall` is the time of day in Unix seconds.
    """

    def __init__(
        self,
        commands: CommandChannel,
        carry_out: CarryOut,
        allowed: Iterable[str],
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._commands = commands
        self._carry_out = carry_out
        self._allowed = frozenset(allowed)
        self._wall = wall
        self._monotonic = monotonic
        self._history = CommandHistory(monotonic)
        self._complaints = TokenBucket(_COMPLAINTS)
        self._under_way = 0
        self._results = asyncio.Semaphore(MAX_RESULTS)
        self._tasks = Tasks("commands")
        self._reading: list[asyncio.Future[None]] = []

    def allow(self, verbs: Iterable[str]) -> None:
        """From now on these are carried out, and no others."""
        self._allowed = frozenset(verbs)

    async def __aenter__(self) -> Self:
        self._reading.append(self._tasks.spawn(self._read()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for reading in self._reading:
            reading.cancel()
        await self._tasks.finish(FINISH_TIMEOUT)

    async def _read(self) -> None:
        while True:
            await self._results.acquire()
            self._tasks.spawn(self._answer(await self._commands.receive()))

    async def _answer(self, request: CommandRequest) -> None:
        try:
            result = await self._result(request)
            self._log(request.verb, result)
            published = request.reply(result)
            request.ack()
            # what became of it is in the log
            await asyncio.wait([published])
        finally:
            self._results.release()

    def _log(self, verb: str, result: wire.CommandResult) -> None:
        """Whoever sends what cannot be used does not fill the log; the refusals are counted."""
        if result.ok:
            logger.info("command %s: done", verb)
        elif self._complaints.has(0, self._monotonic()):
            self._complaints.take(0)
            logger.info("command %s: %s: %s", verb, result.code, result.message)

    async def _result(self, request: CommandRequest) -> wire.CommandResult:
        command = request.command
        if request.verb in wire.COMMANDS and request.verb not in self._allowed:
            return _refused("not_allowed", f"{request.verb} is not in the setting commands")
        if isinstance(command, MalformedMessage):
            return _refused(command.code, str(command))
        once = command.once
        if once is None:
            return self._late(request, command) or await self._do(command)
        before = self._history.begin(request.verb, once)
        if before is not None:
            return await asyncio.shield(before)
        result = self._late(request, command) or await self._do(command)
        self._history.finish(request.verb, once, result)
        return result

    async def _do(self, command: wire.Command) -> wire.CommandResult:
        if self._under_way >= MAX_UNDER_WAY:
            return _refused("overloaded", f"{MAX_UNDER_WAY} commands are under way")
        self._under_way += 1
        try:
            return await self._carry_out(command)
        finally:
            self._under_way -= 1

    def _late(self, request: CommandRequest, command: wire.Command) -> wire.CommandResult | None:
        """Without `issuedAt`, or while we do not know the time, all that waited is."""
        now = self._wall()
        if command.issued_at is None or not is_set(now):
            late = request.waited
        else:
            late = now - datetime.fromisoformat(command.issued_at.upper()).timestamp() > LATEST
        if not late:
            return None
        refusals.count(RefusalKind.COMMAND)
        return wire.CommandResult.failure("stale", "it came too late").model_copy(
            update={"now": wire.format_time(now)}
        )


def _refused(code: str, message: str) -> wire.CommandResult:
    refusals.count(RefusalKind.COMMAND)
    return wire.CommandResult.failure(code, message)
