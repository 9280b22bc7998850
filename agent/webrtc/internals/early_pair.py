"""The first pair that works is used before the controlling side has chosen one (RFC 8445 12.1).

Who chooses may take its time: libnice checks every pair first, one each 20 ms. The handshake of
DTLS, which proves that the pair carries data both ways, needs no choice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aioice.ice

_State = aioice.ice.CandidatePair.State
_Checks = list[tuple[aioice.ice.CandidatePair, asyncio.Task[None]]]


class EarlyPair:
    """Of one ICE connection, as its controlled side. The checks go on until a pair is chosen, and
    `on_chosen` is called, whichever it is.
    """

    def __init__(self, ice: aioice.ice.Connection, on_chosen: Callable[[], None]) -> None:
        self._ice, self._on_chosen = ice, on_chosen
        # in use, and not chosen yet
        self._pair: aioice.ice.CandidatePair | None = None
        self._check_complete = ice.check_complete
        self._maybe_complete = ice._check_list_maybe_complete
        ice.check_complete = self._checked  # type: ignore[method-assign]
        ice._check_list_maybe_complete = self._is_over  # type: ignore[method-assign]
        ice._check_list_state = _Outcome(self._spare_checks)

    def _checked(self, pair: aioice.ice.CandidatePair) -> None:
        """A check has ended."""
        self._check_complete(pair)
        ice = self._ice
        unused = not (ice._nominated or ice._check_list_done or ice._closing)
        if unused and pair.state is _State.SUCCEEDED and not ice.ice_controlling:
            self._pair = ice._nominated[pair.component] = pair
            ice._check_list_state.put_nowait(aioice.ice.ICE_COMPLETED)

    def _is_over(self) -> bool:
        """Whether no further pair has to be checked."""
        if self._pair is not None:
            chosen = self._ice._nominated.get(self._pair.component)
            if chosen is self._pair and not chosen.nominated:
                return False
            self._pair = None
            self._on_chosen()
        return self._maybe_complete()

    def _spare_checks(self) -> None:
        """aioice is about to cancel them, as if one had been chosen."""
        if self._pair is None:
            return
        checks = [(pair, pair.task) for pair in self._ice._check_list if pair.task is not None]
        for pair, _ in checks:
            pair.task = None
        asyncio.get_running_loop().call_soon(self._give_back, checks)

    def _give_back(self, checks: _Checks) -> None:
        for pair, task in checks:
            if self._ice._closing or pair.task is not None:
                task.cancel()
            elif not task.done():
                pair.task = task


class _Outcome(asyncio.Queue[int]):
    """What aioice's `connect` waits for; what follows there runs before anything else."""

    def __init__(self, before: Callable[[], None]) -> None:
        super().__init__()
        self._before = before

    async def get(self) -> int:
        found = await super().get()
        self._before()
        return found
