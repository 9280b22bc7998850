"""What of the settings Home Assistant is told, and what is missed."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from agent.homeassistant.features import DoorFeature
from agent.settings import Settings
from agent.settings.home_features import (
    advise_home,
    expected_features,
    home_features,
    page_address,
)
from agent.settings.models import CARRIED_OUT
from agent.web.web_settings import WebSettings

DOORS = [
    {"name": "door", "kind": "door", "code": "4711"},
    {"name": "gate", "kind": "door", "gpio": 1, "contact": 2},
    {"name": "lamp", "kind": "light"},
]
QUIET = {"capture": "none", "playback": "none"}


def settings(**values: Any) -> Settings:
    return Settings.model_validate({"uid": "door-1", "audio": QUIET, **values})


def test_features_are_those_of_the_running_device_with_the_words_of_the_latest_settings() -> None:
    running = settings(output=DOORS, button=[{"name": "front"}])
    wanted = settings(commands=["close"], homeassistant={"enabled": True, "name": "Front door"})
    found = home_features(running, wanted, model="Pi", messages=("hello",), ends=["speaker"])
    assert found.doors == (DoorFeature("door", code=True), DoorFeature("gate", contact=True))
    assert (found.name, found.verbs, found.model) == ("Front door", frozenset(["close"]), "Pi")
    assert (found.button, found.picture) == (True, True)
    assert (found.speaker, found.microphone, found.messages) == (True, False, ("hello",))
    assert found.page is None


def test_picture_is_that_of_a_ring() -> None:
    without = settings(button=[{"name": "front"}], ring={"snapshot": False})
    assert not expected_features(without).picture
    assert not expected_features(settings()).picture


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.4", "https://192.0.2.4:8443/"),
        ("2001:db8::4", "https://[2001:db8::4]:8443/"),
        ("door.example.org", "https://door.example.org:8443/"),
        ("0.0.0.0", "https://hall.local:8443/"),
        ("::", "https://hall.local:8443/"),
        ("127.0.0.1", None),
        ("localhost", None),
    ],
)
def test_page_is_where_a_browser_of_the_household_finds_it(
    monkeypatch: pytest.MonkeyPatch, host: str, address: str | None
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "hall")
    web = {"enabled": True, "host": host, "port": 8443, "cert_file": "c", "key_file": "k"}
    assert page_address(WebSettings.model_validate(web | {"password": "x" * 12})) == address
    assert page_address(WebSettings()) is None


def test_advise_home_names_each_verb_with_what_is_missing_and_the_line(tmp_path: Path) -> None:
    (tmp_path / "hello.wav").touch()
    (said,) = advise_home(
        settings(
            output=DOORS,
            ring={"messages": tmp_path},
            audio={"playback": "auto"},
            commands=["close", "privacy", "silence", "policy"],
            homeassistant={"enabled": True},
        )
    )
    assert "open: Lock, Gate lock" in said
    assert "accept: Answer" in said
    assert "say: Quick reply" in said
    assert "volume: Speaker volume, Microphone volume" in said
    line = 'commands = ["close", "privacy", "silence", "policy", "open", "accept", "say", "volume"]'
    assert said.endswith(line)


def test_advise_home_names_what_has_no_room() -> None:
    doors = [{"name": f"door_{number}", "kind": "door"} for number in range(32)]
    (said,) = advise_home(
        settings(output=doors, commands=CARRIED_OUT, homeassistant={"enabled": True})
    )
    assert "no room" in said
    assert "Door 31 lock" in said


@pytest.mark.parametrize(
    "values",
    [{"commands": []}, {"commands": CARRIED_OUT, "homeassistant": {"enabled": True}}],
)
def test_advise_home_of_what_is_off_or_whole_is_nothing(values: dict[str, Any]) -> None:
    assert list(advise_home(settings(**values))) == []
