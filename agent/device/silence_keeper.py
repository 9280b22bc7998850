"""Silence: for a while no chime sounds, over a restart too; rings are told all the same."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.device.operator_settings import OperatorSettings
from agent.device.state_file import StateFile
from agent.device.time_limit import TimeLimit
from agent.signaling.protocol import messages as wire

logger = logging.getLogger(__name__)

FILE_NAME = "silence.json"


class SilenceKeeper:
    """An async context. `now` is the time of day in Unix seconds."""

    def __init__(self, directory: Path, shown: OperatorSettings, now: Callable[[], float]) -> None:
        self._file = StateFile(directory / FILE_NAME)
        self._shown = shown
        self._now = now
        self._until: float | None = None
        self._limit = TimeLimit("callbox-silence", self._end, now)

    @property
    def silenced(self) -> bool:
        """Whether chimes are to be still."""
        return self._until is not None and self._now() < self._until

    async def __aenter__(self) -> Self:
        self._put(await asyncio.to_thread(self._read))
        await self._limit.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._limit.__aexit__(kind, error, trace)

    async def set(self, seconds: float) -> str | None:
        """From now on for `seconds`; 0: chimes sound again. Until when that is."""
        self._put(self._now() + seconds if seconds > 0 else None)
        until = self._until
        await asyncio.to_thread(self._write, until)
        logger.info("chimes are still for %.0f s", seconds)
        return None if until is None else wire.format_time(until)

    def _put(self, until: float | None) -> None:
        self._until = until
        self._shown.change(silenced_until=None if until is None else wire.format_time(until))
        self._limit.set(until)

    async def _end(self) -> None:
        self._put(None)
        await asyncio.to_thread(self._write, None)

    def _read(self) -> float | None:
        try:
            kept = self._file.read()
            return None if kept is None else float(json.loads(kept)["until"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            logger.warning("%s cannot be used: chimes sound (%s)", self._file, error)
            return None

    def _write(self, until: float | None) -> None:
        """A disk that does not take it costs the silence at the next start, and no more."""
        try:
            self._file.write(None if until is None else json.dumps({"until": until}))
        except OSError as error:
            logger.warning("the silence is not kept over a restart: %s", error)
