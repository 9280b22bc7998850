"""What a device says that it is."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

import pytest

from agent import __version__
from agent.core.policy.rules import Policy, Rule
from agent.device.about import AboutPublisher, Fingerprints, about
from agent.device.retained import Retained
from agent.media.base.video_source import VideoOptions
from agent.media.pattern.pattern_source import PatternSource
from agent.media.video_hub import VideoHub
from agent.settings import Settings
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork

SOUND = {"capture": "pattern", "playback": "none", "mode": "push_to_talk", "echo": "off"}


def settings(**values: Any) -> Settings:
    size = {"video": {"width": 640, "height": 360}}
    return Settings.model_validate({"uid": "door-1"} | size | values)


def policy(*actions: str) -> Policy:
    rules = [Rule.model_validate({"name": each, "action": each}) for each in actions]
    return Policy(rules, timezone=UTC)


def hub(of: Settings) -> VideoHub:
    options = VideoOptions.of(of.video, of.camera, of.uid)
    return VideoHub(PatternSource(options), options)


async def test_about_tells_size_camera_verbs_and_restarts() -> None:
    chosen = settings(audio=SOUND)
    prints = Fingerprints.of(chosen, policy("accept"))
    said = about(chosen, hub(chosen), ("close", "mute"), prints, 3)
    assert (said.uid, said.version, said.restarts) == ("door-1", __version__, 3)
    assert (said.max_width, said.max_height, said.max_framerate) == (640, 360, 30)
    assert said.commands == ("close", "mute")
    assert said.camera is not None
    assert said.audio == {
        "capture": True,
        "playback": False,
        "mode": "push_to_talk",
        "echo": "off",
    }
    assert (said.policy_hash, said.config_hash) == (prints.policy, prints.config)


def test_fingerprints_of_the_same_are_the_same() -> None:
    one, other = (Fingerprints.of(settings(), policy("accept", "ring")) for _ in range(2))
    assert one == other


def test_fingerprints_tell_rules_and_settings_apart() -> None:
    before = Fingerprints.of(settings(), policy("accept", "ring"))
    other_rules = Fingerprints.of(settings(), policy("ring", "accept"))
    other_settings = Fingerprints.of(settings(max_conversations=2), policy("accept", "ring"))
    assert (other_rules.config, other_settings.policy) == (before.config, before.policy)
    assert other_rules.policy != before.policy
    assert other_settings.config != before.config


def test_fingerprints_leave_secrets_out() -> None:
    def of(password: str) -> Fingerprints:
        login = {"username": "door-1", "password": password}
        return Fingerprints.of(settings(mqtt=login, web={"password": password * 12}), policy())

    assert of("a") == of("b")


async def test_about_publisher_says_what_was_reloaded() -> None:
    network = FakeNetwork()
    broker = FakeBroker(network, "door-1")
    chosen = settings()
    told = AboutPublisher(Retained(broker), "about", chosen, policy("ring"), hub(chosen), 0)
    async with broker:
        await broker.wait_connected(30)
        told.say(("close",))
        told.reloaded(chosen, policy("accept"))
        told.say(("close", "call"))
    first, second = (json.loads(each.payload) for each in network.published)
    assert (first["commands"], second["commands"]) == (["close"], ["close", "call"])
    assert first["policyHash"] != second["policyHash"]
    assert first["configHash"] == second["configHash"]
    assert network.retained["about"].payload == network.published[1].payload


async def test_about_publisher_says_a_card_that_came_later_and_nothing_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: dict[str, str | None] = {"capture": None, "playback": None}
    monkeypatch.setattr("agent.device.about.describe_sound", lambda _settings: found)
    network = FakeNetwork()
    broker = FakeBroker(network, "door-1")
    chosen = settings()
    told = AboutPublisher(Retained(broker), "about", chosen, policy("ring"), hub(chosen), 0)
    async with broker:
        await broker.wait_connected(30)
        # before the device is callable there is nothing to say again
        told.refresh()
        told.say(("close",))
        told.refresh()
        found["capture"] = "plughw:CARD=Doorbell,DEV=0"
        told.refresh()
        told.refresh()
    said = [json.loads(each.payload) for each in network.published]
    assert [each["audio"]["capture"] for each in said] == [False, True]
    assert [each["commands"] for each in said] == [["close"], ["close"]]
