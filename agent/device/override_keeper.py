"""The override of the policy as it stands: over a restart, until its end, and for all to see."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from agent.core.call.decision import Action
from agent.core.policy.override import PolicyOverride
from agent.device.clock_watch import is_set
from agent.device.device_state import DeviceState
from agent.device.operator_settings import OperatorSettings
from agent.device.state_file import StateFile
from agent.device.time_limit import TimeLimit
from agent.errors import InvalidStateError
from agent.signaling.protocol import messages as wire

logger = logging.getLogger(__name__)

FILE_NAME = "override.json"
# for one that comes without an end
DEFAULT_LENGTH = timedelta(hours=24)


class Overridable(Protocol):
    """Who decides about invitations."""

    def override(self, override: PolicyOverride | None, /) -> None: ...


class OverrideKeeper:
    """An async context: what an earlier process was told is applied from its start.

    It stands before `rules`; `shown` is told of each change; `now` is the time of day in Unix
    seconds.
    """

    def __init__(
        self,
        directory: Path,
        rules: Overridable,
        state: DeviceState,
        shown: OperatorSettings,
        now: Callable[[], float],
    ) -> None:
        self._file = StateFile(directory / FILE_NAME)
        self._rules = rules
        self._state = state
        self._shown = shown
        self._now = now
        self._current: PolicyOverride | None = None
        self._limit = TimeLimit("callbox-override", self.clear, now)

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

    async def set(self, action: Action, until: datetime | None) -> PolicyOverride:
        """From now on, for 24 hours unless `until` says otherwise. Raises InvalidStateError for an
        end that nobody can tell, or that is over.
        """
        now = self._now()
        if until is None and not is_set(now):
            raise InvalidStateError("the clock is not set: say until when")
        moment = datetime.fromtimestamp(now, UTC)
        override = PolicyOverride.model_validate(
            {"action": action, "until": until or moment + DEFAULT_LENGTH}
        )
        if is_set(now) and not override.active(moment):
            raise InvalidStateError("until is over")
        await self._change(override)
        logger.warning("%s", override.in_words())
        return override

    async def clear(self) -> None:
        """The rules decide again."""
        if self._current is not None:
            logger.warning("the rules decide again")
        await self._change(None)

    async def _change(self, override: PolicyOverride | None) -> None:
        self._put(override)
        await asyncio.to_thread(self._write, override)

    def _put(self, override: PolicyOverride | None) -> None:
        self._current = override
        self._rules.override(override)
        told = _told(override)
        self._state.override_changed(None if told is None else told.model_dump())
        self._shown.change(override=told)
        until = None if override is None else override.until
        self._limit.set(None if until is None else until.timestamp())

    def _read(self) -> PolicyOverride | None:
        try:
            kept = self._file.read()
            return None if kept is None else PolicyOverride.model_validate_json(kept)
        except (OSError, ValueError) as error:
            logger.warning("%s cannot be used: the rules decide (%s)", self._file, error)
            return None

    def _write(self, override: PolicyOverride | None) -> None:
        """A disk that does not take it costs the override at the next start, and no more."""
        try:
            self._file.write(None if override is None else override.model_dump_json())
        except OSError as error:
            logger.warning("the override is not kept over a restart: %s", error)


def _told(override: PolicyOverride | None) -> wire.Override | None:
    if override is None:
        return None
    until = None if override.until is None else wire.format_time(override.until.timestamp())
    return wire.Override.model_validate({"action": override.action, "until": until})
