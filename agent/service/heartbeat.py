"""The one task that keeps the service manager informed: ready, status, watchdog."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from agent.service.memory import release_memory
from agent.service.notify import Notifier
from agent.service.process_health import Vitals, ailment
from agent.service.status_snapshot import Phase, Snapshot, lacking, words

logger = logging.getLogger(__name__)

# seconds: a device without a broker or a camera has started, too, and says what it lacks
READY_TIMEOUT = 5.0
# seconds between two looks where no watchdog asks for more
IDLE_INTERVAL = 30.0
# seconds between two looks in bad health: whoever recovers in time is fed at once
ILL_INTERVAL = 0.5
# seconds from the end of the last call until its memory is given back: the camera lingers a while
RELEASE_DELAY = 10.0
# seconds: goodbyes to every caller, the last transports, the broker's acknowledgments
STOP_EXTENSION = 8.0


class Heartbeat:
    """Says READY once nothing is lacking, or `ready_timeout` seconds after `run()` began; then what
    changes.

    `look` and `feel` are called on the event loop at each beat. `watchdog` is systemd's WatchdogSec
    in seconds; it is fed twice in that time, and only in good health.
    """

    def __init__(
        self,
        notifier: Notifier,
        look: Callable[[], Snapshot],
        feel: Callable[[], Vitals],
        *,
        watchdog: float | None = None,
        ready_timeout: float = READY_TIMEOUT,
    ) -> None:
        self._notifier = notifier
        self._look = look
        self._feel = feel
        self._interval = min(watchdog / 2, IDLE_INTERVAL) if watchdog else IDLE_INTERVAL
        self._watched = watchdog is not None
        self._ready_timeout = ready_timeout
        self._ready = asyncio.Event()
        self._nudged = asyncio.Event()
        self._ailment: str | None = None
        self._calls = 0
        self._release_at: float | None = None

    @property
    def ready(self) -> asyncio.Event:
        """Set once READY was said."""
        return self._ready

    def nudge(self) -> None:
        """Something changed: look now, not at the next beat."""
        self._nudged.set()

    def reloading(self) -> None:
        """A reload begins; `reloaded` ends it."""
        self._notifier.reloading()

    def reloaded(self, outcome: str | None = None) -> None:
        """`outcome` is what there is to say about it until the next thing happens."""
        if self._ready.is_set():
            self._notifier.ready(outcome or words(self._look()))

    def stopping(self) -> None:
        """The device begins to hang up, which may take a while."""
        self._notifier.stopping(words(self._look()))
        self._notifier.extend_timeout(STOP_EXTENSION)

    async def run(self) -> None:
        """Beat until cancelled."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._ready_timeout
        due = loop.time()
        while True:
            self._nudged.clear()
            now = self._look()
            self._tell_status(now, overdue=loop.time() >= deadline)
            self._tidy_up(now, loop.time())
            if loop.time() >= due:
                self._feed_watchdog()
                due = loop.time() + (self._interval if self._ailment is None else ILL_INTERVAL)
            times = (due, None if self._ready.is_set() else deadline, self._release_at)
            await self._wait(min(time for time in times if time is not None))

    def _tell_status(self, now: Snapshot, *, overdue: bool) -> None:
        status = words(now)
        if self._ready.is_set() or now.phase is Phase.STOPPING:
            self._notifier.status(status)
        elif overdue or not lacking(now):
            self._ready.set()
            self._notifier.ready(status)
            logger.info("ready: %s", status, extra={"CALLBOX_EVENT": "ready"})
        else:
            self._notifier.status(status)

    def _tidy_up(self, now: Snapshot, time: float) -> None:
        """Some time after the last call, when its encoder has been closed as well."""
        if now.calls:
            self._release_at = None
        elif self._calls:
            self._release_at = time + RELEASE_DELAY
        elif self._release_at is not None and time >= self._release_at:
            self._release_at = None
            release_memory()
        self._calls = len(now.calls)

    def _feed_watchdog(self) -> None:
        """In good health; also where nobody watches, the ailment belongs in the log."""
        before, self._ailment = self._ailment, ailment(self._feel())
        if self._ailment is None:
            if before is not None:
                logger.warning("recovered: it was that %s", before)
            if self._watched:
                self._notifier.watchdog()
        elif before is None:
            consequence = "the watchdog is not fed" if self._watched else "and nobody watches"
            logger.error("%s: %s", self._ailment, consequence, extra={"CALLBOX_EVENT": "ailment"})

    async def _wait(self, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await self._nudged.wait()
        except TimeoutError:
            return
