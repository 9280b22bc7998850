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
    is_hidden,
    read_candidate,
)
from agent.webrtc.ice import gather
from agent.webrtc.ice.ice_servers import UsableServer
from agent.webrtc.internals import PeerConnection, knows_remote_candidates

log = logging.getLogger(__name__)

MAX_TRICKLED = 40


class Trickle:
    """The candidates of one connection."""

    def __init__(self, pc: PeerConnection) -> None:
        self._pc = pc
        self._remote: RemoteDescription | None = None
        self._early: list[IceCandidate | None] = []
        self._trickled = 0
        # candidates of the remote peer with a name in place of an address
        self.hidden = 0
        self._remote_ended = self._local_ended = self._ended = False

    async def describe(self, remote: RemoteDescription) -> None:
        """The remote description is set: its candidates, and those that came before it, count from
        now on.
        """
        self._remote = remote
        self.hidden += remote.hidden
        for candidate in remote.candidates:
            await self._add(candidate)
        self._remote_ended |= remote.end_of_candidates
        early, self._early = self._early, []
        for waiting in early:
            await self._use(waiting)
        await self._maybe_end()

    async def add(self, candidate: IceCandidate | None) -> None:
        """A trickled candidate; None ends them. Too many, and those that cannot be used, are
        ignored.
        """
        self._trickled += 1
        if self._trickled > MAX_TRICKLED:
            log.warning("more than %d trickled candidates; the rest is ignored", MAX_TRICKLED)
        elif self._remote is None:
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
        usable = read_candidate(candidate.candidate)
        if usable is None:
            log.debug("a candidate that cannot be paired is ignored")
            self.hidden += is_hidden(candidate.candidate)
        elif self._remote is not None and self._remote.carries(
            candidate.sdp_mid, candidate.sdp_mline_index
        ):
            await self._add(usable)

    async def _add(self, candidate: RTCIceCandidate) -> None:
        if not self._ended:
            await self._pc.require_dtls().transport.addRemoteCandidate(candidate)

    async def _maybe_end(self) -> None:
        if self._ended or not (self._remote_ended and self._local_ended):
            return
        if knows_remote_candidates(self._pc.require_ice()):
            self._ended = True
            await self._pc.require_dtls().transport.addRemoteCandidate(None)
