"""One source for many subscribers: started by the first, stopped after the last, restarted if it
breaks.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from agent.errors import MediaEnded, MediaError, MediaUnavailable
from agent.media.base.video_source import MediaSource, UnitT

logger = logging.getLogger(__name__)

START_TIMEOUT = 15.0
"""Seconds to open a camera; libcamera needs about one on a Zero 2 W."""
STOP_TIMEOUT = 10.0
STALL_TIMEOUT = 3.0
"""Seconds without a unit after which a source counts as broken: a lost sensor raises nothing."""
HELD_UP = 0.5
"""Seconds. An event loop that is so late had no processor: nor had the source's thread."""
REOPEN_TIMEOUT = 8.0
"""Seconds in which a source that broke must run again, before its subscribers are ended."""
REOPEN_PAUSE = 0.5
"""Seconds between two tries: a USB camera that was knocked comes back in about two."""
REOPEN_INTERVAL = 20.0
"""Seconds that a source must have run after a restart; one that breaks sooner ends."""

ContraT = TypeVar("ContraT", contravariant=True)


class Subscriber(Protocol[ContraT]):
    """What the source's units are given to, on the event loop."""

    def put(self, unit: ContraT) -> None: ...

    def end(self, reason: MediaError) -> None: ...


class _Run:
    """The source at work: from its first `start()` to its last `stop()`, with as many as it takes
    in between.
    """

    def __init__(self, now: float) -> None:
        self.ready = asyncio.Event()
        """It works, or `failure` says why it does not; cleared while it is being restarted."""
        self.changed = asyncio.Event()
        self.ending = False
        self.failure: MediaError | None = None
        self.told: MediaError | None = None
        """What of it `on_health` has heard."""
        self.generation = 0
        """Counts the starts: what an earlier one still delivers is not wanted any more."""
        self.reopened_at = float("-inf")
        self.last_unit_at = now


class OnDemandSource(Generic[UnitT]):
    """Keeps `source` running exactly while it has subscribers (and `linger` seconds longer).

    One that breaks while it has subscribers is stopped and started again for `reopen_timeout`
    seconds; 0: they end at once. All callbacks run on the event loop: `before_start` and `on_start`
    around each start of the source, `adapt` on each unit before the subscribers get it and
    `on_unit` after, `on_health` with what broke it or kept it from starting, and with None when it
    works again. `on_device` is told True before each start, and False once the source has stopped.
    """

    def __init__(
        self,
        source: MediaSource[UnitT],
        *,
        linger: float = 0.0,
        stall_timeout: float = STALL_TIMEOUT,
        reopen_timeout: float = 0.0,
        before_start: Callable[[], None] = lambda: None,
        on_start: Callable[[], None] = lambda: None,
        adapt: Callable[[UnitT], UnitT] = lambda unit: unit,
        on_unit: Callable[[UnitT], None] = lambda _unit: None,
        on_health: Callable[[MediaError | None], None] = lambda _failure: None,
        on_device: Callable[[bool], None] = lambda _open: None,
    ) -> None:
        self._source = source
        self._linger = linger
        self._stall_timeout = stall_timeout
        self._reopen_timeout = reopen_timeout
        self._before_start = before_start
        self._on_start = on_start
        self._adapt = adapt
        self._on_unit = on_unit
        self._on_health = on_health
        self._on_device = on_device
        self._subscribers: set[Subscriber[UnitT]] = set()
        self._run: _Run | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._barred = False

    @property
    def running(self) -> bool:
        """The source is started and delivers, or will soon."""
        return self._run is not None and self._run.ready.is_set() and not self._run.ending

    async def join(self, subscriber: Subscriber[UnitT]) -> None:
        """Give `subscriber` every unit from now on. Raises MediaUnavailable; then it gets none."""
        self._require_open()
        self._subscribers.add(subscriber)
        try:
            await self._started()
        except BaseException:
            self.leave(subscriber)
            raise

    def leave(self, subscriber: Subscriber[UnitT]) -> None:
        """Give `subscriber` nothing more. The source ends after the last one. Harmless when
        repeated.
        """
        self._subscribers.discard(subscriber)
        if self._run is not None:
            self._run.changed.set()

    async def close(self) -> None:
        """Stop the source and end every subscriber; wait until both have happened."""
        self._closed = True
        self._end_subscribers(MediaEnded("the source was closed"))
        if self._run is not None:
            self._run.changed.set()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def bar(self, barred: bool) -> None:
        """True: stop the source at once, and start it for nobody until this is taken back; returns
        when it has stopped.
        """
        self._barred = barred
        if not barred:
            return
        self._end_subscribers(MediaEnded("privacy: the source was closed"))
        if self._run is not None:
            self._run.changed.set()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _started(self) -> None:
        while self._run is not None and self._run.ending and self._task is not None:
            await asyncio.wait({self._task})
        self._require_open()
        if self._run is None:
            self._run = _Run(_now())
            self._task = asyncio.create_task(self._supervise(self._run), name="media-source")
        run = self._run
        run.changed.set()
        await run.ready.wait()
        if run.failure is not None:
            raise MediaUnavailable(str(run.failure)) from run.failure
        self._require_open()

    def _require_open(self) -> None:
        if self._closed:
            raise MediaUnavailable("the source is closed")
        if self._barred:
            raise MediaUnavailable("privacy: the source may not be opened")

    async def _supervise(self, run: _Run) -> None:
        try:
            await self._start(run, START_TIMEOUT)
            run.ready.set()
            if run.failure is None:
                await self._run_until_idle(run)
                while self._is_worth_reopening(run) and await self._reopen(run):
                    await self._run_until_idle(run)
                self._end_failed(run)
        finally:
            run.ending = True
            run.ready.set()
            self._tell_of_failure(run)
            await self._stop()
            self._run = None

    async def _start(self, run: _Run, limit: float) -> None:
        run.generation += 1
        run.failure = None
        self._before_start()
        self._on_device(True)
        try:
            async with asyncio.timeout(limit):
                await self._source.start(
                    self._on_loop(self._deliver, run), self._on_loop(self._fail, run)
                )
        except TimeoutError:
            run.failure = MediaUnavailable(f"the source did not start within {limit:.0f} s")
        except MediaError as error:
            run.failure = error
        except Exception as error:
            # a source's edge: the waiters get it, the hub lives on
            logger.exception("a media source broke while starting")
            run.failure = MediaUnavailable(
                f"the source broke while starting: {str(error) or type(error).__name__}"
            )
        run.last_unit_at = _now()
        if run.failure is None:
            run.ready.set()
            self._on_start()
            self._on_health(None)

    async def _run_until_idle(self, run: _Run) -> None:
        """Until it had no subscriber for `linger` seconds, the source failed, or the hub closes."""
        while run.failure is None and not (self._closed or self._barred):
            run.changed.clear()
            if not self._subscribers:
                if not await _within(run.changed, self._linger) and not self._subscribers:
                    return
            elif await self._stalls(run):
                reason = f"no picture or sound for {self._stall_timeout:.0f} s"
                self._fail(run, run.generation, MediaUnavailable(reason))

    def _is_worth_reopening(self, run: _Run) -> bool:
        wanted = (
            run.failure is not None
            and bool(self._subscribers)
            and not (self._closed or self._barred)
        )
        return wanted and self._reopen_timeout > 0 and _now() - run.reopened_at >= REOPEN_INTERVAL

    async def _reopen(self, run: _Run) -> bool:
        """Whether it works again."""
        logger.warning("restarting the source, as it failed: %s", run.failure)
        deadline = _now() + self._reopen_timeout
        while True:
            await self._stop()
            # A source that just missed the deadline gets a last try of sensible length.
            await self._start(run, max(deadline - _now(), self._reopen_timeout / 2))
            if run.failure is None:
                run.reopened_at = _now()
                logger.info("the source works again")
                return True
            unwanted = not self._subscribers or self._closed or self._barred
            if unwanted or _now() + REOPEN_PAUSE >= deadline:
                return False
            run.changed.clear()
            await _within(run.changed, REOPEN_PAUSE)

    async def _stalls(self, run: _Run) -> bool:
        """False once something has changed, or the source has gone on."""
        due = max(run.last_unit_at + self._stall_timeout, _now())
        if await _within(run.changed, due - _now()):
            return False
        if _now() - due > HELD_UP:
            run.last_unit_at = _now()
        return _now() >= run.last_unit_at + self._stall_timeout

    async def _stop(self) -> None:
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._source.stop()
        except TimeoutError:
            logger.warning("a media source did not stop within %.0f s", STOP_TIMEOUT)
            # it may be open yet
            return
        except Exception:
            # a source's edge: a camera that closes badly must not stop the next call
            logger.exception("a media source broke while stopping")
        self._on_device(False)

    def _on_loop(
        self, function: Callable[[_Run, int, ContraT], None], run: _Run
    ) -> Callable[[ContraT], None]:
        """`function`, called on the event loop from whatever thread the result is called in; at
        once from its own.
        """
        loop, generation, own = asyncio.get_running_loop(), run.generation, threading.get_ident()

        def call(argument: ContraT) -> None:
            if threading.get_ident() == own and run.ready.is_set():
                function(run, generation, argument)
                return
            try:
                loop.call_soon_threadsafe(function, run, generation, argument)
            except RuntimeError:
                logger.debug("a unit came after the event loop had closed")

        return call

    def _deliver(self, run: _Run, generation: int, unit: UnitT) -> None:
        if self._is_over(run, generation):
            return
        run.last_unit_at = _now()
        unit = self._adapt(unit)
        for subscriber in tuple(self._subscribers):
            subscriber.put(unit)
        self._on_unit(unit)

    def _fail(self, run: _Run, generation: int, error: Exception) -> None:
        if self._is_over(run, generation):
            return
        logger.warning("media source failed: %s", error)
        run.failure = error if isinstance(error, MediaError) else MediaUnavailable(str(error))
        self._tell_of_failure(run)
        run.ready.clear()
        run.changed.set()

    def _tell_of_failure(self, run: _Run) -> None:
        """Each once: a source that is lost is told at once, though it may come back."""
        if run.failure is not None and run.failure is not run.told:
            run.told = run.failure
            self._on_health(run.failure)

    def _is_over(self, run: _Run, generation: int) -> bool:
        return (
            run is not self._run
            or run.ending
            or generation != run.generation
            or run.failure is not None
        )

    def _end_failed(self, run: _Run) -> None:
        if run.failure is not None:
            ended = MediaEnded(str(run.failure))
            ended.__cause__ = run.failure
            self._end_subscribers(ended)

    def _end_subscribers(self, reason: MediaError) -> None:
        subscribers, self._subscribers = self._subscribers, set()
        for subscriber in subscribers:
            subscriber.end(reason)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
