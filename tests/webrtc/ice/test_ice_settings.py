"""The settings of how a path to the remote peer is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.webrtc.ice.ice_settings import IceServerSettings, IceSettings, check_ice_url


@pytest.mark.parametrize(
    "url", ["stun:192.0.2.1", "turn:t.example:3478?transport=tcp", "turns:[2001:db8::1]:443"]
)
def test_ice_settings_check_ice_url_of_a_server(url: str) -> None:
    assert check_ice_url(url) == url


@pytest.mark.parametrize("url", ["stuns:a", "stun:a:0", "turns:a?transport=udp", "turn:[1.2.3.4]"])
def test_ice_settings_check_ice_url_of_anything_else(url: str) -> None:
    with pytest.raises(ValueError, match="a"):
        check_ice_url(url)


def test_ice_settings_server_without_credentials_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs username and credential"):
        IceServerSettings.model_validate({"urls": "turn:t.example"})


def test_ice_settings_options_are_as_set() -> None:
    settings = IceSettings.model_validate(
        {
            "servers": [
                {"urls": "turn:t.example", "username": "u", "credential": "p"},
                {"urls": ["turn:s.example"], "secret": "s", "credential_lifetime": "1h"},
            ],
            "transport_policy": "relay",
            "ca_file": "/ca.pem",
        }
    )
    options = settings.options()
    first, second = options.servers
    assert (first.urls, first.username, first.credential) == (("turn:t.example",), "u", "p")
    assert (second.secret, second.credential_lifetime) == ("s", 3600)
    assert (options.transport_policy, options.ca_file) == ("relay", str(Path("/ca.pem")))


def test_ice_settings_interfaces_and_ports_reach_each_transport() -> None:
    options = IceSettings.model_validate(
        {"interfaces": ["eth0", "wlan*"], "port_range": "50000-50100"}
    ).options()
    assert options.interfaces == ("eth0", "wlan*")
    assert options.port_range == (50_000, 50_100)
    assert IceSettings.model_validate({"interfaces": "eth0"}).interfaces == ("eth0",)
    assert IceSettings().options().port_range is None


@pytest.mark.parametrize(
    "text", ["50000", "50100-50000", "80-90", "50000-70000", "50000-50000", "a-b"]
)
def test_ice_settings_port_range_of_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        IceSettings.model_validate({"port_range": text})
