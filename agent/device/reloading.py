"""Settings and policy are read again while calls go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from pydantic import BaseModel

from agent.core.policy.rules import Policy
from agent.errors import ConfigurationError
from agent.options import is_live
from agent.service.logs import set_level
from agent.settings import Settings

logger = logging.getLogger(__name__)

Load = Callable[[], tuple[Settings, Policy]]
Apply = Callable[[Settings, Policy], None]


class Reloader:
    """`load` raises ConfigurationError; a bad file changes nothing. `around` is entered for each
    reload. `running` are the settings that the device was started with.
    """

    def __init__(
        self,
        load: Load,
        running: Settings,
        around: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._load = load
        self._running = self._latest = running
        self._around = around
        self._apply: list[Apply] = []

    @property
    def latest(self) -> Settings:
        """What was read last."""
        return self._latest

    def on_reload(self, apply: Apply) -> Callable[[], None]:
        """Call `apply` with what was read, each time. Returns what ends that."""
        self._apply.append(apply)
        return partial(self._apply.remove, apply)

    def reload(self) -> dict[str, Any]:
        """Read and apply; what cannot change while running is named. Raises ConfigurationError."""
        with self._around():
            settings, policy = self._load()
            self._latest = settings
            for apply in self._apply:
                apply(settings, policy)
            set_level(settings.log.level)
            pending = needs_restart(self._running, settings)
            if pending:
                logger.warning("changed, but only after a restart: %s", ", ".join(pending))
            logger.info("policy reloaded, %d rules", len(policy.rules))
            return {"rules": len(policy.rules), "restart_needed_for": pending}

    def reload_on_signal(self) -> None:
        """The same for whoever cannot be told what is wrong: that goes to the log."""
        try:
            self.reload()
        except ConfigurationError as error:
            for fault in error.faults:
                logger.error("not reloaded, the old rules stay: %s", fault)  # noqa: TRY400 - the sentence says it all


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
