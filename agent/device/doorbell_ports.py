"""What other parts of a device do for its doorbell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.doorbell.button_settings import ButtonSettings
from agent.signaling.protocol import messages as wire


@dataclass(frozen=True, slots=True)
class ComingPicture:
    """A visitor's picture that is being taken. `user_data` is what an invitation has of it, or
    nothing; `patience` the seconds that one waits for it, if it is ready earlier itself.
    """

    user_data: asyncio.Future[Mapping[str, object]]
    patience: float

    async def wait(self) -> None:
        """For as long as an invitation does."""
        await asyncio.wait([self.user_data], timeout=self.patience)


@dataclass(slots=True)
class DoorbellPorts:
    """What other parts do for a doorbell. None of it may raise, but for `picture`.

    `chime` sounds what is at home. `picture` begins to take the visitor's picture for a ring, and
    returns what is coming for the invitation's `userData`. `nobody_home` tells the visitor so, and
    returns the name of what was recorded. `privacy` says whether camera and microphone have to stay
    closed.
    """

    chime: Callable[[str], object] = lambda _by: None
    privacy: Callable[[], bool] = lambda: False
    picture: Callable[[wire.RingEvent], ComingPicture | None] = lambda _event: None
    nobody_home: Callable[[], asyncio.Future[str | None]] | None = None
    held: Callable[[ButtonSettings], None] = lambda _button: None
