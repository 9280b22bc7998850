"""How loud loudspeaker and microphone are, as an operator has set them: at once, and over a
restart.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

from pydantic import BaseModel, Field

from agent.device.operator_settings import OperatorSettings
from agent.device.state_file import StateFile
from agent.errors import MediaUnavailable, NotSupportedError
from agent.media.sound.level import Level
from agent.threads import call_in_thread

logger = logging.getLogger(__name__)

FILE_NAME = "volume.json"
# seconds for the mixer of a card
TURN_TIMEOUT = 10.0


class _Kept(BaseModel):
    speaker: Annotated[int, Field(ge=0, le=100)] | None = None
    microphone: Annotated[int, Field(ge=0, le=100)] | None = None


class VolumeKeeper:
    """An async context: what an earlier process was told is applied from its start.

    `levels` are those of the ends that the settings name, `speaker` and `microphone`; `present`
    says whether there is anything to open at an end now; `shown` is told of each change.
    """

    def __init__(
        self,
        directory: Path,
        levels: Mapping[str, Level],
        present: Callable[[str], bool],
        shown: OperatorSettings,
    ) -> None:
        self._file = StateFile(directory / FILE_NAME)
        self._levels = levels
        self._present = present
        self._shown = shown
        # what an operator has set, of the ends that the settings name or named once
        self._kept: dict[str, int] = {}
        self._one_by_one = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._kept = await asyncio.to_thread(self._read)
        for end in self._kept.keys() & self._levels.keys():
            # no card is open yet, whose mixer would take its time
            self._levels[end].turn(self._kept[end])
        self._shown.change(**self.volumes)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing runs."""

    @property
    def volumes(self) -> dict[str, int]:
        """How loud each end is that there is now, 0 to 100."""
        return {end: level.level for end, level in self._levels.items() if self._present(end)}

    def refresh(self) -> None:
        """A card has come or gone: say how loud what there is now is."""
        self._shown.change(**dict.fromkeys(self._levels) | self.volumes)

    async def set(self, **wanted: int | None) -> dict[str, int]:
        """`speaker` and `microphone` from now on, 0 to 100, None as it is; how loud all ends are
        then. Raises NotSupportedError for an end that the device has not got; then nothing changes.
        Raises MediaUnavailable for a card that does not answer.
        """
        chosen = {end: volume for end, volume in wanted.items() if volume is not None}
        async with self._one_by_one:
            for end in chosen:
                if end not in self._levels or not self._present(end):
                    raise NotSupportedError(f"this device has no {end}")
            await self._turn(chosen)
            self._kept |= chosen
            self._shown.change(**self.volumes)
            if chosen:
                await asyncio.to_thread(self._write)
            return self.volumes

    async def _turn(self, chosen: Mapping[str, int]) -> None:
        for end, volume in chosen.items():
            try:
                # a card's mixer takes its time, and may hang
                async with asyncio.timeout(TURN_TIMEOUT):
                    await call_in_thread("volume", partial(self._levels[end].turn, volume))
            except TimeoutError:
                raise MediaUnavailable(f"the card of the {end} does not answer") from None
            logger.info("the volume of the %s is %d", end, volume)

    def _read(self) -> dict[str, int]:
        try:
            kept = self._file.read()
            return _Kept.model_validate_json(kept or "{}").model_dump(exclude_none=True)
        except (OSError, ValueError) as error:
            logger.warning("%s cannot be used: as loud as the settings say (%s)", self._file, error)
            return {}

    def _write(self) -> None:
        """A disk that does not take it costs the volume at the next start, and no more."""
        try:
            self._file.write(json.dumps(self._kept))
        except OSError as error:
            logger.warning("the volume is not kept over a restart: %s", error)
