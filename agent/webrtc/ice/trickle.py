"""Candidates both ways (RFC 8838): the remote peer's, whenever they come, and ours as servers
answer.

The end of candidates is told to aioice only when both sides are through and something can be
checked. Told earlier, it gives up on pairs that are still to come, and an offer without a usable
candidate would leave it in state `new`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import aioice
from aiortc.rtcicetransport import RTCIceCandidate

from agent.core.call.events import IceCandidate
from agent.webrtc.description.remote_description import (
    RemoteDescription,
    read_candidate,
    read_hidden,
)
from agent.webrtc.ice import gather
from agent.webrtc.ice.hidden_candidates import HiddenCandidates
from agent.webrtc.ice.ice_servers import UsableServer
from agent.webrtc.internals import PeerConnection, knows_remote_candidates, look_up

log = logging.getLogger(__name__)

# of those that can be used (PROTOCOL 8); the call bounds how many come at all
MAX_TRICKLED = 40


class Trickle:
    """The candidates of one connection."""

    def __init__(self, pc: PeerConnection, *, relay_only: bool = False) -> None:
        self._pc = pc
        self._relay_only = relay_only
        self._remote: RemoteDescription | None = None
        self._early: list[IceCandidate | None] = []
        self._trickled = 0
        self.hidden = HiddenCandidates(self._look_up)
        self._remote_ended = self._local_ended = self._ended = False

    async def describe(self, remote: RemoteDescription) -> None:
        """The remote description is set: its candidates, and those that came before it, count from
        now on.
        """
        self._remote = remote
        for candidate in remote.candidates:
            await self._add(candidate)
        for hidden in remote.hidden:
            self._reveal(hidden)
        self._remote_ended |= remote.end_of_candidates
        early, self._early = self._early, []
        for waiting in early:
            await self._use(waiting)
        await self._maybe_end()

    async def add(self, candidate: IceCandidate | None) -> None:
        """A trickled candidate; None ends them. Too many, and those that cannot be used, are
        ignored; these are not counted.
        """
        if self._remote is None:
            self._early.append(candidate)
        else:
            await self._use(candidate)
            await self._maybe_end()

    async def gather(
        self,
        servers: list[UsableServer],
        *,
        relay_only: bool,
        ca_file: str | None,
        mid: str | None,
        index: int,
        on_candidate: Callable[[IceCandidate | None], None],
    ) -> str | None:
        """Ask the servers, reporting candidates and then their end. Why there is nothing to connect
        from, if so.
        """

        def report(candidate: aioice.Candidate) -> None:
            self._pc.can_connect.set()
            on_candidate(IceCandidate(f"candidate:{candidate.to_sdp()}", mid, index))

        ice = self._pc.require_ice()
        faults = await gather.gather_from_servers(
            ice, servers, relay_only=relay_only, ca_file=ca_file, on_candidate=report
        )
        on_candidate(None)
        await self.end_local()
        return None if ice.local_candidates else "; ".join(faults) or "there is no TURN server"

    async def close(self) -> None:
        """End what runs in the background."""
        await self.hidden.close()

    async def end_local(self) -> None:
        """No further candidate of ours will come."""
        self._local_ended = True
        await self._maybe_end()

    async def _use(self, candidate: IceCandidate | None) -> None:
        if candidate is None:
            self._remote_ended = True
            return
        if not candidate.candidate:
            # the end of a section's own candidates (RFC 8840 4.2)
            remote = self._remote
            self._remote_ended |= remote is not None and remote.carries(
                candidate.sdp_mid, candidate.sdp_mline_index
            )
            return
        if self._remote is None or not self._remote.carries(
            candidate.sdp_mid, candidate.sdp_mline_index
        ):
            return
        usable, hidden = read_candidate(candidate.candidate), read_hidden(candidate.candidate)
        if usable is None and hidden is None:
            log.debug("a candidate that cannot be paired is ignored")
            return
        self._trickled += 1
        if self._trickled > MAX_TRICKLED:
            log.warning("more than %d trickled candidates; the rest is ignored", MAX_TRICKLED)
        elif usable is not None:
            await self._add(usable)
        elif hidden is not None:
            self._reveal(hidden)

    def _reveal(self, candidate: RTCIceCandidate) -> None:
        """Under `relay` a lookup would show our address to the network of the remote peer."""
        if not self._ended and not self._relay_only:
            self.hidden.add(candidate, self._maybe_end)

    async def _look_up(self, candidate: RTCIceCandidate) -> bool:
        return await look_up(self._pc.require_dtls().transport, candidate)

    async def _add(self, candidate: RTCIceCandidate) -> None:
        if not self._ended:
            await self._pc.require_dtls().transport.addRemoteCandidate(candidate)

    async def _maybe_end(self) -> None:
        ended = self._remote_ended and self._local_ended and not self.hidden.pending
        if self._ended or not ended:
            return
        if knows_remote_candidates(self._pc.require_ice()):
            self._ended = True
            await self._pc.require_dtls().transport.addRemoteCandidate(None)
