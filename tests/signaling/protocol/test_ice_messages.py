"""Servers and candidates of ICE in messages."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.core.call import events as core
from agent.signaling.protocol.ice_messages import RTCIceCandidate, RTCIceServer


def test_ice_server_of_one_url_or_several() -> None:
    one = RTCIceServer.model_validate({"urls": "stun:stun.home:3478"})
    assert one.to_core() == core.IceServer(("stun:stun.home:3478",))
    two = core.IceServer(("turn:a.home", "turns:a.home"), "user", "secret")
    assert RTCIceServer.of(two).to_core() == two
    with pytest.raises(ValidationError):
        RTCIceServer.model_validate({"urls": "http://a.home"})


def test_ice_candidate_comes_back_as_it_was() -> None:
    candidate = core.IceCandidate("candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", 0)
    assert RTCIceCandidate.of(candidate).to_core() == candidate
