"""The public Python API under the name of the distribution; the same names as in `agent.client`.

from callbox import CallClient
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import agent.client
from agent import __version__ as __version__

if TYPE_CHECKING:
    from agent.client import *  # noqa: F403


def __getattr__(name: str) -> Any:
    if name not in agent.client._HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(agent.client, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *agent.client._HOMES})
