"""What the settings say becomes what the adapters need."""

from __future__ import annotations

import json
import time

import pytest

from agent.conversation.events import IceServer
from agent.device import adapters
from agent.settings import Settings

ICE = {
    "servers": [
        {"urls": "stun:a.example"},
        {"urls": ["turn:a.example"], "username": "door-1", "secret": "north", "credential_lifetime": "1h"},
    ],
    "transport_policy": "relay",
    "ca_file": "/etc/ssl/turn.pem",
}


def settings(**further: object) -> Settings:
    return Settings.model_validate({"uid": "door-1", "ice": ICE, **further})


def test_ice_servers() -> None:
    ice = adapters.client_options(settings()).ice
    assert ice.servers == (
        IceServer(("stun:a.example",)),
        IceServer(("turn:a.example",), "door-1", secret="north", credential_lifetime=3600.0),
    )
    assert (ice.transport_policy, ice.ca_file) == ("relay", "/etc/ssl/turn.pem")


def test_the_page_gets_fresh_credentials_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    server = adapters.page_server(settings())
    for now in (1_800_000_000, 1_800_000_100):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        response = server._file("/config.json")
        stun, turn = json.loads(response.body)["iceServers"]
        assert stun == {"urls": ["stun:a.example"]}
        assert turn["username"] == f"{now + 3600}:door-1"
        assert set(turn) == {"urls", "username", "credential"}
        assert b"north" not in response.body
