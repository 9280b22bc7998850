"""Another path for a call whose own is dead: either side may send over any pair that is answered
(RFC 8445 12.1).

The side that chooses pairs takes its time: Chromium calls a path dead after two and a half seconds,
and leaves it a second later. Whoever is not answered here tries the other pairs itself, and moves
to one that is answered while the one in use is not. Where nothing is answered (a hole in what all
paths share) everything stays as it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

import aioice.ice

from agent.webrtc.internals.datagram_guard import guard_of
from agent.webrtc.internals.mdns import is_mdns_name

log = logging.getLogger(__name__)

# pairs that are tried in one round
MAX_TRIED = 8
# seconds that a round waits for an answer, and to the next round
ROUND, PAUSE = 0.8, 0.2
# seconds that the path in use has left to answer, once another one does
GRACE = 0.1

_State = aioice.ice.CandidatePair.State


class Failover:
    """Of one ICE connection. `arrived` grows with each sign that what we send arrives; `on_moved`
    is called when it is another pair that carries the media.
    """

    def __init__(
        self,
        ice: aioice.ice.Connection,
        arrived: Callable[[], int],
        on_moved: Callable[[], None],
    ) -> None:
        # Whether we have moved: a controlling side then says so with each check.
        self.moved = False
        self._ice, self._arrived, self._on_moved = ice, arrived, on_moved
        self._wanted = asyncio.Event()

    def want(self, wanted: bool) -> None:
        """Whether the path in use counts as dead."""
        if wanted:
            self._wanted.set()
        else:
            self._wanted.clear()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._wanted.wait()
            dead = self._used
            while self._wanted.is_set() and self._used is dead:
                await self._try_others(dead)
                if self._used is dead:
                    await asyncio.sleep(PAUSE)
            # by us, by a nomination, or by aioice, which nominates whatever it is asked over
            if self._used not in (None, dead):
                log.info("%s is not answered any more: %s is used, which is", dead, self._used)
                self.moved = True
                self._wanted.clear()
                self._on_moved()

    @property
    def _used(self) -> aioice.ice.CandidatePair | None:
        return self._ice._nominated.get(1)

    async def _try_others(self, used: aioice.ice.CandidatePair | None) -> None:
        ice = self._ice
        if used is None or ice.remote_password is None:
            return
        checks, key = guard_of(ice).checks, ice.remote_password.encode()
        others = checks.affordable(sorted(spares_of(ice), key=self._rank), MAX_TRIED)
        if not others:
            return
        arrived = self._arrived()
        found = await checks.best_answered([used, *others], key, ROUND, GRACE)
        in_use = self._used is used and self._arrived() == arrived
        if found is not None and found is not used and in_use:
            self._move(used, found)

    def _rank(self, pair: aioice.ice.CandidatePair) -> int:
        """The best are tried first."""
        return -aioice.ice.candidate_pair_priority(
            pair.local_candidate, pair.remote_candidate, self._ice.ice_controlling
        )

    def _move(self, used: aioice.ice.CandidatePair, found: aioice.ice.CandidatePair) -> None:
        ice = self._ice
        if found not in ice._check_list:
            ice._check_list.append(found)
            ice.sort_check_list()
        found.state, found.nominated = _State.SUCCEEDED, True
        if not ice.ice_controlling:
            # It is nominated for as long as the remote peer has not moved: followed again once it
            # is answered.
            used.state, used.nominated, used.remote_nominated = _State.FAILED, False, False
        ice._nominated[1] = found


def spares_of(ice: aioice.ice.Connection) -> Iterator[aioice.ice.CandidatePair]:
    """Every pair but the one in use, whether it was checked or not: aioice drops the pairs that are
    left when one is nominated.
    """
    known = {(pair.protocol, pair.remote_addr): pair for pair in ice._check_list}
    used = ice._nominated.get(1)
    for protocol in ice._protocols:
        if protocol.transport.is_closing():
            continue
        for remote in ice._remote_candidates:
            local, pair = protocol.local_candidate, aioice.ice.CandidatePair(protocol, remote)
            # a relay would learn the address behind a name
            hidden = local.type == "relay" and is_mdns_name(remote.host)
            pair = known.get((protocol, pair.remote_addr), pair)
            if pair is not used and local.can_pair_with(remote) and not hidden:
                yield pair
