"""Servers and candidates of ICE in messages, as W3C has them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints

from agent.core.call import events as core
from agent.signaling.protocol.encoding import WHOLE, WireModel

_ServerUrl = Annotated[str, StringConstraints(pattern=r"^(stun|stuns|turn|turns):[!-~]{1,500}$")]


class RTCIceServer(WireModel):
    """One STUN or TURN server, as W3C's RTCIceServer: `urls` is one URL or a list of them."""

    urls: _ServerUrl | Annotated[tuple[_ServerUrl, ...], Field(min_length=1, max_length=8)]
    username: Annotated[str, Field(max_length=512)] | None = None
    credential: Annotated[str, Field(max_length=512)] | None = None

    @classmethod
    def of(cls, server: core.IceServer) -> Self:
        return cls(urls=server.urls, username=server.username, credential=server.credential)

    def to_core(self) -> core.IceServer:
        urls = (self.urls,) if isinstance(self.urls, str) else self.urls
        return core.IceServer(urls=urls, username=self.username, credential=self.credential)


class RTCIceCandidate(WireModel):
    """One candidate, as W3C's RTCIceCandidateInit. An empty `candidate` ends a generation, as
    browsers write it.
    """

    candidate: Annotated[str, Field(max_length=1024)]
    sdp_mid: Annotated[str, Field(max_length=64)] | None = None
    sdp_m_line_index: Annotated[int, Field(strict=True, ge=0, le=63), WHOLE] | None = None

    @classmethod
    def of(cls, candidate: core.IceCandidate) -> Self:
        return cls(
            candidate=candidate.candidate,
            sdp_mid=candidate.sdp_mid,
            sdp_m_line_index=candidate.sdp_mline_index,
        )

    def to_core(self) -> core.IceCandidate:
        return core.IceCandidate(self.candidate, self.sdp_mid, self.sdp_m_line_index)
