"""Whose ICE servers a transport asks."""

from __future__ import annotations

from agent.core.call.events import IceServer
from agent.core.call.ice_options import IceOptions

OWN, THEIRS = IceServer(("turn:192.0.2.1",), "u", "p"), IceServer(("turn:192.0.2.2",), "u", "p")


def test_ice_options_take_servers_of_the_remote_peer_beside_ours() -> None:
    assert IceOptions((OWN,)).beside((THEIRS,)).servers == (OWN, THEIRS)


def test_ice_options_under_relay_take_no_server_that_would_see_our_address() -> None:
    assert IceOptions((OWN,), "relay").beside((THEIRS,)).servers == (OWN,)
