"""ICE servers in Link headers, as mediamtx's reader and browsers take them."""

from __future__ import annotations

from agent.core.call.values import IceServer
from agent.pull.ice_links import ice_links


def test_each_url_has_a_header_of_its_own() -> None:
    servers = [
        IceServer(("stun:stun.home:3478",)),
        IceServer(("turn:turn.home", "turns:turn.home"), "me", 'a"b\\c'),
    ]
    secret = 'username="me"; credential="a\\"b\\\\c"; credential-type="password"'
    assert ice_links(servers) == [
        ("Link", '<stun:stun.home:3478>; rel="ice-server"'),
        ("Link", f'<turn:turn.home>; rel="ice-server"; {secret}'),
        ("Link", f'<turns:turn.home>; rel="ice-server"; {secret}'),
    ]
