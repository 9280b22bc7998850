"""Sound cards that come and go, as the kernel tells whoever listens (a uevent for each device)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from agent.service.netlink import NetlinkListener

logger = logging.getLogger(__name__)

# seconds without a further device, after which it is told of: a card has several
SETTLING = 0.25

_UEVENTS = 15  # NETLINK_KOBJECT_UEVENT
_KERNEL_GROUP = 1


class SoundCardWatch:
    """Calls `on_change` on the loop after a card has come or gone; what there is then is for the
    reader to see. Costs nothing while nothing is plugged in or pulled.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        # more than the kernel kept for us: a card may have been among it
        self._netlink = NetlinkListener(_UEVENTS, _KERNEL_GROUP, self._read, self._settle)
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._netlink.__aenter__()
        except OSError as error:
            # no Linux, or a sandbox: each call looks for itself
            logger.info("sound cards that come and go are noticed by calls alone: %s", error)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._netlink.__aexit__(kind, error, trace)

    def _read(self, uevent: bytes) -> None:
        if is_of_sound(uevent):
            self._settle()

    def _settle(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(SETTLING, self._on_change)


def is_of_sound(uevent: bytes) -> bool:
    """Whether it tells of a sound device that came or went."""
    fields = uevent.split(b"\0")
    return b"SUBSYSTEM=sound" in fields and bool({b"ACTION=add", b"ACTION=remove"} & {*fields})
