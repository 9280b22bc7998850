"""A running device at a glance."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from agent.core.policy.rules import Policy
from agent.counts import RefusalKind, refusals
from agent.device.device_state import DeviceState
from agent.device.parts import compose
from agent.device.snapshots import SnapshotMaker
from agent.errors import MediaUnavailable
from agent.service.status_snapshot import Phase, words
from agent.settings import Settings
from agent.signaling.mqtt.connection import MqttBroker


async def test_snapshot_faults_name_the_topics_that_the_broker_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate(
        {"uid": "door-1", "state_directory": tmp_path, "audio": {"capture": "none"}}
    )
    policy, state = Policy(timezone=UTC), DeviceState("auto")
    parts = compose(settings, policy, lambda: (settings, policy))
    maker = SnapshotMaker(settings, state, parts.client, parts.broker, parts.video, parts.outbox)
    refused = {
        "callbox/v1/door-1/about": "the broker refuses it: Not authorized",
        "callbox/v1/door-1/events/closed": "the broker ends the connection for it",
        # chosen by whoever asks
        "callbox/v1/door-1/reply/x": "the broker refuses it: Not authorized",
        "callbox/v1/somebody/signal/door-1": "the broker refuses it: Not authorized",
    }
    monkeypatch.setattr(MqttBroker, "refused_topics", refused)
    faults = maker.snapshot().faults
    assert faults == {
        "messages to callbox/v1/door-1/about": "the broker refuses it: Not authorized",
        "messages to callbox/v1/door-1/events/closed": "the broker ends the connection for it",
    }
    assert "without the messages to callbox/v1/door-1/about" in words(maker.snapshot())


async def test_snapshot_tells_what_the_parts_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate(
        {"uid": "door-1", "state_directory": tmp_path, "audio": {"capture": "none"}}
    )
    policy = Policy(timezone=UTC)
    parts = compose(settings, policy, lambda: (settings, policy))
    state = DeviceState("auto")
    maker = SnapshotMaker(settings, state, parts.client, parts.broker, parts.video, parts.outbox)
    state.enter(Phase.RUNNING)
    state.part_failed("page", "port taken")
    state.sound_failed("microphone", MediaUnavailable("gone"))
    refusals.count(RefusalKind.DATAGRAM)
    now = maker.snapshot()
    faults = {"page": "port taken", "microphone": "gone"}
    assert now.sound["capture"] is None
    assert now.refused == {str(kind): number for kind, number in refusals.totals().items()}
    assert now.refused["datagrams"] >= 1
    assert (now.uid, now.phase, now.broker) == ("door-1", Phase.RUNNING, "127.0.0.1:1883")
    assert (now.broker_connected, now.calls, now.faults) == (False, (), faults)
    monkeypatch.setenv("TZ", "<+03>-3")
    zone = maker.snapshot().time_zone
    assert zone is not None
    assert zone.name == "<+03>-3"
    assert maker.remote_uid("nobody") is None
    assert not maker.vitals().mqtt_thread_alive
