"""A button as its adapters show it: a level, and when it changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Changed = Callable[[bool, float], None]
"""Whether it is pressed, and since when (`time.monotonic()`). Called from any thread."""


class ButtonFailed(Exception):  # noqa: N818 - what an adapter makes of whatever its library says
    """It cannot be read. The message says why."""


class ButtonLine(Protocol):
    """One button that is open."""

    @property
    def pressed(self) -> bool: ...

    def close(self) -> None: ...
