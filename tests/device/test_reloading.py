"""Settings and policy are read again while calls go on."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from datetime import UTC
from typing import Any

import pytest

from agent.core.policy.rules import Policy
from agent.device.reloading import Reloader, needs_restart
from agent.errors import ConfigurationError
from agent.settings import Settings


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({}, []),
        ({"policy": {"rule": [{"name": "all", "action": "accept"}]}}, []),
        ({"call": {"max_duration": "5m"}}, []),
        ({"log": {"level": "debug"}}, []),
        ({"call": {"setup_timeout": "5s"}}, ["call.setup_timeout"]),
        (
            {"uid": "door-2", "mqtt": {"host": "192.0.2.1", "tls": {"enabled": True}}},
            ["uid", "mqtt.host", "mqtt.tls.enabled"],
        ),
        (
            {"video": {"width": 640, "height": 360}, "log": {"level": "debug"}},
            ["video.width", "video.height"],
        ),
        ({"mqtt": {"password": "new"}}, ["mqtt.password"]),
    ],
)
def test_needs_restart(changes: dict[str, Any], keys: list[str]) -> None:
    assert needs_restart(Settings(uid="door-1"), Settings(**{"uid": "door-1", **changes})) == keys


POLICY = Policy(timezone=UTC)


def test_reload_applies_what_was_read() -> None:
    wanted = Settings(uid="door-2")
    reloader = Reloader(lambda: (wanted, POLICY), Settings(uid="door-1"), nullcontext)
    applied: list[tuple[Settings, Policy]] = []
    reloader.on_reload(lambda settings, policy: applied.append((settings, policy)))
    assert reloader.reload() == {"rules": 0, "restart_needed_for": ["uid"]}
    assert applied == [(wanted, POLICY)]


def test_reload_is_told_for_as_long_as_somebody_asks() -> None:
    wanted, running = Settings(uid="door-2"), Settings(uid="door-1")
    reloader = Reloader(lambda: (wanted, POLICY), running, nullcontext)
    applied: list[Settings] = []
    end = reloader.on_reload(lambda settings, _: applied.append(settings))
    assert reloader.latest is running
    reloader.reload()
    end()
    reloader.reload()
    assert applied == [wanted]
    assert reloader.latest is wanted


def test_reload_of_a_bad_file_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def load() -> tuple[Settings, Policy]:
        raise ConfigurationError(["a.toml: uid: wrong"])

    reloader = Reloader(load, Settings(uid="door-1"), nullcontext)
    applied: list[Settings] = []
    reloader.on_reload(lambda settings, _: applied.append(settings))
    with pytest.raises(ConfigurationError):
        reloader.reload()
    with caplog.at_level(logging.ERROR):
        reloader.reload_on_signal()
    assert applied == []
    assert caplog.messages == ["not reloaded, the old rules stay: a.toml: uid: wrong"]
