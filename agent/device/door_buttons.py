"""The buttons of a device: what their presses do to the doorbell, and what is wrong with them."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from agent.client.tasks import Tasks
from agent.core.ring.press_detector import Press
from agent.device.device_state import DeviceState
from agent.device.doorbell import Doorbell
from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.button_watch import ButtonWatch, OpenLine, open_line

# seconds for presses under way at the end
FINISH_TIMEOUT = 1.0


class DoorButtons:
    """An async context: the buttons are read while it is open."""

    def __init__(
        self,
        buttons: tuple[ButtonSettings, ...],
        doorbell: Doorbell,
        state: DeviceState,
        *,
        open_line: OpenLine = open_line,
    ) -> None:
        self._doorbell = doorbell
        self._state = state
        self._tasks = Tasks("buttons")
        self._watch = ButtonWatch(buttons, self, open_line=open_line)

    async def __aenter__(self) -> Self:
        await self._watch.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._watch.__aexit__(kind, error, trace)
        await self._tasks.finish(FINISH_TIMEOUT)

    def blank(self, seconds: float) -> None:
        """A chime sounds for so long: what begins in this time is no press."""
        self._watch.blank(seconds)

    def button_did(self, button: str, what: Press) -> None:
        match what:
            case Press.PRESSED:
                self._tasks.spawn(self._press(button))
            case Press.HELD:
                self._doorbell.held(button)
            case Press.STUCK | Press.FREE:
                self._state.button_stuck(button, what is Press.STUCK)

    def button_failed(self, button: str, reason: str | None) -> None:
        self._state.part_failed(f"button {button}", reason)

    async def _press(self, button: str) -> None:
        await self._doorbell.press(button)
