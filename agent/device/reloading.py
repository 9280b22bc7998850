"""Which settings take effect while calls go on, and which wait for a restart."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from agent.options import is_live
from agent.settings import Settings


def needs_restart(running: Settings, wanted: Settings) -> list[str]:
    """The keys that differ and that only a restart can apply, such as `video.width`."""
    return list(_differences(running, wanted))


def _differences(one: BaseModel, other: BaseModel, above: str = "") -> Iterator[str]:
    for name, field in type(one).model_fields.items():
        before, after = getattr(one, name), getattr(other, name)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _differences(before, after, f"{above}{name}.")
        elif before != after and not is_live(field):
            yield above + name
