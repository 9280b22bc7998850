"""Names and sites that are trusted."""

from __future__ import annotations

import pytest

from agent.web.origins import TrustedOrigins, check_origin

LOCAL = TrustedOrigins("http", loopback_only=True)
PROXIED = TrustedOrigins("http", loopback_only=True, origins=("https://door.example.org",))
OPEN = TrustedOrigins("https", loopback_only=False)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080", "127.8.8.8"])
def test_host_of_this_machine_is_allowed(host: str) -> None:
    assert LOCAL.allows_host(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[", "door.example.org"]
)
def test_host_pointed_at_loopback_is_refused(host: str) -> None:
    assert not LOCAL.allows_host(host)
    assert OPEN.allows_host(host)


@pytest.mark.parametrize("host", ["door.example.org", "door.example.org:443", "127.0.0.1:8080"])
def test_host_of_a_proxy_is_allowed(host: str) -> None:
    assert PROXIED.allows_host(host)
    assert not PROXIED.allows_host("door.example.org:444")


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.0.0.1", "door.example.org"])
def test_origin_of_a_proxy_is_allowed_whatever_host_it_passes_on(host: str) -> None:
    assert PROXIED.allows_origin("https://door.example.org", host)
    assert not PROXIED.allows_origin("http://door.example.org", host)
    assert not PROXIED.allows_origin("https://door.example.org.evil", host)


def test_origin_is_compared_with_its_scheme_and_port() -> None:
    assert OPEN.allows_origin("https://pi.local", "pi.local:443")
    assert OPEN.allows_origin("https://pi.local:8443", "pi.local:8443")
    assert not OPEN.allows_origin("http://pi.local:8443", "pi.local:8443")
    assert not OPEN.allows_origin("https://pi.local", "pi.local:8443")
    assert OPEN.allows_origin(None, "pi.local")


@pytest.mark.parametrize(
    "origin", ["null", "", "https://", "https://pi.local@evil", "file://", "https://x:99999"]
)
def test_origin_that_is_no_site_is_refused(origin: str) -> None:
    assert not OPEN.allows_origin(origin, "pi.local")


def test_websocket_sources_are_ours_alone() -> None:
    assert OPEN.websocket_sources("pi.local:8443") == "wss://pi.local:8443"
    assert PROXIED.websocket_sources("localhost") == "ws://localhost wss://door.example.org"
    assert OPEN.websocket_sources("x; script-src *") == ""


@pytest.mark.parametrize("origin", ["door.example.org", "https://a/b", "*", "https://*", "ws://a"])
def test_check_origin_refuses_what_a_browser_never_says(origin: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        check_origin(origin)


def test_check_origin_does_not_quote_a_password() -> None:
    with pytest.raises(ValueError, match="'@' in it") as caught:
        check_origin("https://me:hidden-1@door.example.org")
    assert "hidden-1" not in str(caught.value)


def test_check_origin_takes_one_as_people_write_it() -> None:
    assert check_origin("https://Door.example.org/") == "https://door.example.org"
