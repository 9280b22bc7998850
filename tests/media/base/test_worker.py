from __future__ import annotations

import asyncio
import threading

from hypothesis import given
from hypothesis import strategies as st

from agent.errors import MediaEnded, MediaUnavailable
from agent.media.base.worker import Ticker, Worker
from tests.waiting import PATIENCE


class Told:
    """Failures that a thread reports, waited for on the event loop."""

    def __init__(self) -> None:
        self._errors: asyncio.Queue[Exception] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def __call__(self, error: Exception) -> None:
        self._loop.call_soon_threadsafe(self._errors.put_nowait, error)

    async def get(self) -> Exception:
        return await asyncio.wait_for(self._errors.get(), PATIENCE)


async def test_worker_runs_until_it_is_stopped() -> None:
    running = threading.Event()
    seen: list[Exception] = []

    def body(stopping: threading.Event) -> None:
        running.set()
        stopping.wait()

    worker = Worker("test worker", body, seen.append)
    await asyncio.to_thread(running.wait, PATIENCE)
    await worker.stop()
    await worker.stop()
    assert "test worker" not in {each.name for each in threading.enumerate()}
    assert seen == []


async def test_worker_exception_becomes_media_unavailable() -> None:
    told = Told()

    def body(stopping: threading.Event) -> None:
        raise KeyError("lost")

    worker = Worker("test worker", body, told)
    error = await told.get()
    assert isinstance(error, MediaUnavailable)
    assert "lost" in str(error)
    assert isinstance(error.__cause__, KeyError)
    await worker.stop()


async def test_worker_media_error_stays_as_it_is() -> None:
    told = Told()

    def body(stopping: threading.Event) -> None:
        raise MediaEnded("the end")

    worker = Worker("test worker", body, told)
    assert isinstance(await told.get(), MediaEnded)
    await worker.stop()


@given(st.lists(st.floats(0, 3), max_size=50))
def test_ticker_keeps_its_grid_and_skips_what_is_late(delays: list[float]) -> None:
    now = 100.0
    ticker = Ticker(0.04, lambda: now)
    for delay in delays:
        now += delay
        wait = ticker.next_wait()
        assert 0 <= wait <= 0.04 + 1e-6
        now += wait
        steps = (now - 100.0) / 0.04
        assert abs(steps - round(steps)) < 1e-3
