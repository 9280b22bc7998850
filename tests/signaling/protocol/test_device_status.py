"""What a device says of itself."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from agent.signaling.protocol.device_status import DeviceSettings, Override, WifiHealth
from agent.signaling.protocol.messages import (
    About,
    CommandResult,
    Health,
    Status,
    encode,
)


def test_device_status_further_facts_about_a_device_are_kept_in_camel_case() -> None:
    about = About.model_validate({"uid": "door-1", "maxWidth": 1280, "hardwareRevision": "1.2"})
    assert json.loads(encode(about)) == {
        "uid": "door-1",
        "maxWidth": 1280,
        "hardwareRevision": "1.2",
    }
    assert json.loads(encode(CommandResult.success(remote_uid="a"))) == {
        "ok": True,
        "remoteUid": "a",
    }


def test_device_status_settings_without_an_override_say_so() -> None:
    assert encode(DeviceSettings()) == b'{"override":null,"silencedUntil":null}'
    assert (
        encode(DeviceSettings(speaker=0)) == b'{"speaker":0,"override":null,"silencedUntil":null}'
    )
    override = Override(action="ring", until="2026-11-22T10:15:00Z")
    assert json.loads(encode(DeviceSettings(override=override))) == {
        "override": {"action": "ring", "until": "2026-11-22T10:15:00Z"},
        "silencedUntil": None,
    }


def test_device_status_is_online_or_offline() -> None:
    with pytest.raises(ValidationError):
        Status.model_validate({"state": "asleep"})


def test_device_status_health_leaves_out_what_is_not_known() -> None:
    assert encode(Health()) == b"{}"
    assert json.loads(encode(Health(undervoltage=False, wifi=WifiHealth(rssi_dbm=-60)))) == {
        "undervoltage": False,
        "wifi": {"rssiDbm": -60},
    }
