"""URLs of STUN and TURN servers, and credentials that are good for a while."""

from __future__ import annotations

import logging

import pytest

from agent.core.call.events import IceServer
from agent.webrtc.ice.ice_servers import UsableServer, time_limited, usable_servers

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("server", "usable"),
    [
        (IceServer(("stun:stun.example:3478",)), 1),
        (IceServer(("stun:stun.example", "turn:turn.example"), "u", "p"), 2),
        (IceServer(("turns:turn.example:443?transport=tcp",), "u", "p"), 1),
        (IceServer(("turn:turn.example",)), 0),
        (IceServer(("turn:turn.example?transport=sctp",), "u", "p"), 0),
        (IceServer(("turns:turn.example?transport=udp",), "u", "p"), 0),
        (IceServer(("stuns:stun.example",)), 0),
        (IceServer(("stun:stun.example:99999",)), 0),
        (IceServer(("http://stun.example", "", "stun:", "turn:x y z")), 0),
        (IceServer(tuple(f"stun:s{n}.example" for n in range(50))), 10),
        (IceServer(("stun:[2001:db8::1]", "turn:[2001:DB8::1]:443?transport=tcp"), "u", "p"), 2),
        (IceServer(("stun:[1.2.3.4]", "stun:[::1", "stun:2001:db8::1", "stun:x?transport=udp")), 0),
        (IceServer(("turn:turn.example",), secret="s"), 1),
        (IceServer(("stun:same.example", "stun:same.example:3478")), 1),
    ],
)
def test_ice_servers_server_addresses(server: IceServer, usable: int) -> None:
    assert len(usable_servers([server], NOW)) == usable


def test_ice_servers_names_of_servers() -> None:
    urls = (
        "stun:a.example",
        "turn:a.example",
        "turn:[2001:DB8::1]:443?transport=tcp",
        "TURNS:a.example",
    )
    servers = usable_servers([IceServer(urls, "u", "p")], NOW)
    assert [server.name for server in servers] == [
        "stun:a.example:3478",
        "turn:a.example:3478",
        "turn:[2001:db8::1]:443?transport=tcp",
        "turns:a.example:5349",
    ]
    assert servers[2].host == "2001:db8::1"


def test_ice_servers_shared_secret_makes_a_credential_for_each_call() -> None:
    """The form of draft-uberti-behave-turn-rest: HMAC-SHA1 over the username, in Base64, as by
    openssl.
    """
    server = IceServer(("turn:a.example",), "door-1", secret="north", credential_lifetime=3600)
    made = time_limited(server, 1_800_000_000.9)
    assert (made.username, made.credential) == ("1800003600:door-1", "oMacvJ5AapML/+j/YKb0dZd0OfY=")
    assert made.secret is None
    assert (
        time_limited(IceServer(("turn:a.example",), secret="north"), NOW).username == "1800086400"
    )
    (first,), (later,) = usable_servers([server], NOW), usable_servers([server], NOW + 1)
    assert (first.username, later.username) == ("1800003600:door-1", "1800003601:door-1")


def test_ice_servers_without_a_secret_credentials_are_as_they_are_given() -> None:
    server = IceServer(("turn:a.example",), "1700000000:u", "p")
    assert time_limited(server, NOW) is server


@pytest.mark.parametrize(
    ("username", "expired"),
    [
        ("1799999999:u", True),
        ("1799999999", True),
        ("1800000001:u", False),
        ("alice", False),
        ("12:u", False),
    ],
)
def test_ice_servers_username_tells_when_its_credential_ends(username: str, expired: bool) -> None:
    server = UsableServer("turn", "a.example", 3478, "udp", username, "p")
    assert (server.expired(NOW) is not None) is expired


def test_ice_servers_credentials_are_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    server = IceServer(("turn:a.example", "bad:x"), "u", "hidden-1", secret=None)
    secret = IceServer(("turn:a.example", "bad:x"), "u", secret="hidden-2")
    with caplog.at_level(logging.DEBUG):
        usable = usable_servers([server, secret], NOW)
    made = str(usable[1].credential)
    for text in (repr(server), repr(secret), repr(usable), caplog.text):
        assert not any(word in text for word in ("hidden-1", "hidden-2", made))
