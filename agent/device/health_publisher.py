"""`health` (PROTOCOL 6): how the device is doing, each minute, and at once when something fails or
works again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Self

from agent.background import BackgroundTask
from agent.counts import RefusalCounts, RefusalKind, refusals
from agent.device.device_state import DeviceState
from agent.service.board_health import BoardHealth
from agent.service.run_history import RunHistory
from agent.signaling.broker import Broker
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol import messages as wire

logger = logging.getLogger(__name__)

INTERVAL = 60.0  # seconds, on average
# of it, either way: a fleet that started at one moment does not speak at one moment
JITTER = 0.1
# seconds between two, whatever changes
SHORTEST = 5.0

Wait = Callable[[asyncio.Event, float], Awaitable[None]]


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Until `event` is set, or so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def fault_codes(state: DeviceState) -> tuple[str, ...]:
    """What stands at this moment, in order: a part that does not work is `PART_failed`."""
    codes = {f"{part.replace(' ', '_')}_failed" for part in state.faults}
    codes |= {f"{end}_lost" for end in state.lost}
    if state.stuck:
        codes.add("button_stuck")
    if state.camera.missing is not None:
        codes.add("camera_lost")
    if state.rival is not None:
        codes.add("uid_in_use")
    if state.records_trouble is not None:
        codes.add("record_not_kept")
    return tuple(sorted(codes))


@dataclass(frozen=True, slots=True)
class HealthSources:
    """Where it is read. `board` blocks, and is asked in a thread; `now` is in Unix seconds."""

    board: Callable[[], BoardHealth]
    history: RunHistory
    outbox: Outbox
    counts: RefusalCounts = refusals
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


class HealthPublisher:
    """An async context: while it is open, `topic` is told, not retained and at QoS 0: what nobody
    hears is over a minute later.
    """

    def __init__(
        self,
        broker: Broker,
        topic: str,
        state: DeviceState,
        sources: HealthSources,
        wait: Wait = wait_for,
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._state = state
        self._sources = sources
        self._wait = wait
        self._started = sources.monotonic()
        self._told: tuple[str, ...] = ()
        self._due = asyncio.Event()
        self._task = BackgroundTask("callbox-health")
        state.on_change(self._on_change)
        broker.on_connection(self._on_connection)

    def due(self) -> None:
        """Somebody has missed the last one: tell it soon."""
        self._due.set()

    async def __aenter__(self) -> Self:
        self._task.start(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._task.stop()

    def _on_change(self) -> None:
        if fault_codes(self._state) != self._told:
            self._due.set()

    def _on_connection(self, connected: bool) -> None:
        if connected:
            self._due.set()

    async def _run(self) -> None:
        while True:
            self._due.clear()
            try:
                await self._tell()
            except Exception:
                # the task's edge: a driver's surprise costs one message, and not all that follow
                logger.exception("health could not be told")
            await self._wait(asyncio.Event(), SHORTEST)
            pause = INTERVAL * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads a fleet, guards nothing
            await self._wait(self._due, pause - SHORTEST)

    async def _tell(self) -> None:
        board = await asyncio.to_thread(self._sources.board)
        if self._broker.connected:
            self._told = fault_codes(self._state)
            self._broker.publish(self._topic, wire.encode(self._health(board)), qos=0)

    def _health(self, board: BoardHealth) -> wire.Health:
        sources = self._sources
        totals = sources.counts.totals()
        return wire.Health.model_validate(
            asdict(board)
            | {
                "timestamp": wire.format_time(sources.now()),
                "process_uptime_seconds": round(sources.monotonic() - self._started, 1),
                "restarts": sources.history.restarts,
                "crashes": sources.history.crashes,
                "outbox_waiting": sources.outbox.health.waiting,
                "counters": {
                    "refused_datagrams": totals[RefusalKind.DATAGRAM],
                    "throttled_messages": totals[RefusalKind.MESSAGE]
                    + totals[RefusalKind.INVITATION],
                    "refused_logins": totals[RefusalKind.LOGIN],
                    "refused_commands": totals[RefusalKind.COMMAND],
                },
                "faults": self._told,
            }
        )
