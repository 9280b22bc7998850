"""Answers for the page, as JSON: however many pages are open, the store is asked little."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import parse_qsl

from agent.fleet.fleet_store import FleetStore
from agent.fleet.page_questions import answer
from agent.signaling.protocol.json_limits import bounded

logger = logging.getLogger(__name__)

# seconds that an answer is good for: at least so long, and so many times as long as it took
_FRESH = 0.8
_FRESH_FACTOR = 4.0
# answers that are kept, and questions that may wait
KEPT = 64
WAITING = 16


class TooManyQuestions(Exception):  # noqa: N818 - as an HTTP status, 503
    """More wait already than may."""


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """JSON, its ETag, and until when it is good, by the monotonic clock."""

    body: bytes
    tag: str
    until: float


class PageAnswers:
    """Asks a store of its own in one thread. The same question is asked once for all who wait."""

    def __init__(
        self,
        store: FleetStore,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fleet-page")
        self._kept: OrderedDict[str, PageAnswer] = OrderedDict()
        self._waiting: dict[str, asyncio.Task[PageAnswer]] = {}

    async def ask(self, name: str, query: str) -> PageAnswer:
        """Raises UnknownQuestion, StoreUnavailable, TooManyQuestions."""
        key = f"{name}?{query[:512]}"
        kept = self._kept.get(key)
        if kept is not None and self._monotonic() < kept.until:
            return kept
        task = self._waiting.get(key)
        if task is None:
            if len(self._waiting) >= WAITING:
                raise TooManyQuestions
            task = self._waiting[key] = asyncio.create_task(self._find(key, name, query))
            task.add_done_callback(lambda done: self._done(key, done))
        # whoever goes away leaves it to the others
        return await asyncio.shield(task)

    def close(self) -> None:
        """Once no question waits any more. What the thread does is waited for."""
        self._thread.submit(self._store.close)
        self._thread.shutdown()

    def _done(self, key: str, task: asyncio.Task[PageAnswer]) -> None:
        del self._waiting[key]
        if not task.cancelled():
            # told to whoever waited, if there still is somebody
            task.exception()

    async def _find(self, key: str, name: str, query: str) -> PageAnswer:
        wanted = dict(parse_qsl(query[:512], max_num_fields=8))
        begun = self._monotonic()
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(self._thread, self._look, name, wanted)
        now = self._monotonic()
        tag = hashlib.sha256(body).hexdigest()[:16]
        found = PageAnswer(body, f'"{tag}"', now + max(_FRESH, _FRESH_FACTOR * (now - begun)))
        self._kept[key] = found
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    def _look(self, name: str, wanted: dict[str, str]) -> bytes:
        try:
            found = answer(self._store, bounded(name), wanted, round(self._clock() * 1000))
        except Exception:
            # whatever state the connection is in, the next question begins with a new one
            self._store.close()
            raise
        return json.dumps(found, separators=(",", ":")).encode()
