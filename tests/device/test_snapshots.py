"""A running device at a glance."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from agent.core.policy.rules import Policy
from agent.counts import RefusalKind, refusals
from agent.device.device_state import DeviceState
from agent.device.parts import compose
from agent.device.snapshots import SnapshotMaker
from agent.errors import MediaUnavailable
from agent.service.status_snapshot import Phase
from agent.settings import Settings


async def test_snapshot_tells_what_the_parts_know(tmp_path: Path) -> None:
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
    assert maker.remote_uid("nobody") is None
    assert not maker.vitals().mqtt_thread_alive
