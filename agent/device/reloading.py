"""Which settings take effect while calls go on, and which wait for a restart."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from agent.settings import Settings

LIVE = ("policy", "call.max_duration", "log.level")
"""Settings, or sections, that a reload applies: to the next invitation, or the next line of the
log.
"""


def needs_restart(running: Settings, wanted: Settings) -> list[str]:
    """The keys that differ and that only a restart can apply, such as `video.width`."""
    return [
        key for key in _differences(running, wanted) if not any(_within(key, live) for live in LIVE)
    ]


def _differences(one: BaseModel, other: BaseModel, above: str = "") -> Iterator[str]:
    for name in type(one).model_fields:
        before, after = getattr(one, name), getattr(other, name)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _differences(before, after, f"{above}{name}.")
        elif before != after:
            yield above + name


def _within(key: str, section: str) -> bool:
    return key == section or key.startswith(section + ".")
