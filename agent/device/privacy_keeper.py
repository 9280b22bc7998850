"""Privacy: camera and microphone closed, at once, over a restart, and for all to see."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from agent.client.call_client import CallClient
from agent.core.call.reasons import CloseReason
from agent.device.device_state import DeviceState
from agent.device.operator_settings import OperatorSettings
from agent.device.state_file import StateFile

logger = logging.getLogger(__name__)

FILE_NAME = "privacy.json"


class Barrable(Protocol):
    """A camera or a microphone."""

    async def bar(self, barred: bool) -> None:
        """True: close it, and open it for nobody; returns when it is closed."""


class Screened(Protocol):
    """Who refuses invitations while privacy is on."""

    privacy: bool


class PrivacyKeeper:
    """An async context: what an earlier process was told holds from its start. A file that cannot
    be read means that it is on: nobody is shown by mistake.
    """

    def __init__(
        self,
        directory: Path,
        screening: Screened,
        client: CallClient,
        sources: Sequence[Barrable],
        state: DeviceState,
        shown: OperatorSettings,
    ) -> None:
        self._file = StateFile(directory / FILE_NAME)
        self._screening = screening
        self._client = client
        self._sources = sources
        self._state = state
        self._shown = shown
        self._one_by_one = asyncio.Lock()

    @property
    def on(self) -> bool:
        return self._screening.privacy

    async def __aenter__(self) -> Self:
        await self._put(await asyncio.to_thread(self._read))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing runs."""

    async def set(self, on: bool) -> None:
        """From now on. Returns when camera and microphone are closed, and it is on the disk."""
        async with self._one_by_one:
            if on == self.on:
                return
            if not on:
                # first: who dies in between is still private
                await self._keep(on)
            await self._put(on)
            if on:
                await self._keep(on)
            logger.warning("privacy is %s", "on" if on else "off")

    async def toggle(self) -> None:
        """The other way round."""
        await self.set(not self.on)

    async def _put(self, on: bool) -> None:
        self._screening.privacy = on
        if on:
            self._client.end_all(CloseReason.PRIVACY_MODE)
        self._state.privacy_changed(on)
        self._shown.change(privacy=on)
        await asyncio.gather(*(source.bar(on) for source in self._sources))

    def _read(self) -> bool:
        try:
            kept = self._file.read()
        except NotADirectoryError:
            # there is no directory, so nothing was kept
            return False
        except OSError as error:
            logger.warning("%s cannot be read: privacy is on (%s)", self._file, error)
            return True
        try:
            return kept is not None and json.loads(kept)["on"] is not False
        except (ValueError, TypeError, KeyError) as error:
            logger.warning("%s cannot be used: privacy is on (%s)", self._file, error)
            return True

    async def _keep(self, on: bool) -> None:
        """A disk that does not take it leaves the next start as it was, which is a fault."""
        try:
            await asyncio.to_thread(self._file.write, json.dumps({"on": True}) if on else None)
        except OSError as error:
            logger.warning("privacy is not kept over a restart: %s", error)
            self._state.part_failed("privacy", f"is not kept over a restart: {error}")
        else:
            self._state.part_failed("privacy", None)
