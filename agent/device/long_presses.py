"""What a long press of a button does: it switches an output, or privacy."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from agent.client.tasks import Tasks
from agent.device.doors import Doors
from agent.device.output_bank import OutputBank
from agent.device.output_events import BUTTON
from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.output_settings import OutputKind
from agent.doorbell.wiring import PRIVACY
from agent.errors import NotSupportedError, RefusedError

logger = logging.getLogger(__name__)

# seconds for a camera that is being closed at the end
FINISH_TIMEOUT = 2.0


class LongPresses:
    """An async context. A door is released, whatever else pulses is started, and the rest goes to
    its other state; `toggle_privacy` returns when that is done.
    """

    def __init__(
        self, outputs: OutputBank, doors: Doors, toggle_privacy: Callable[[], Awaitable[None]]
    ) -> None:
        self._outputs = outputs
        self._doors = doors
        self._toggle_privacy = toggle_privacy
        self._tasks = Tasks("long presses")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.finish(FINISH_TIMEOUT)

    def held(self, button: ButtonSettings) -> None:
        """Returns at once. What does not work is told by the output itself, and logged."""
        if button.hold == PRIVACY:
            self._tasks.spawn(self._toggle_privacy())
            return
        try:
            self._switch(button.hold)
        except (RefusedError, NotSupportedError) as error:
            logger.warning("the button %s is held: %s", button.name, error)

    def _switch(self, output: str) -> None:
        kind = self._outputs.kind_of(output)
        if kind is OutputKind.DOOR:
            self._doors.by_hand(output, BUTTON)
        elif kind is OutputKind.LIGHT:
            self._outputs.toggle(output, BUTTON)
        else:
            self._outputs.switch(output, True, BUTTON)
