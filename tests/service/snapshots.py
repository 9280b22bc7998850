"""Snapshots of devices, to be varied."""

from __future__ import annotations

from typing import Any

from agent.core.call.machine import State
from agent.core.call.reasons import Direction, Purpose
from agent.service.status_snapshot import CallSnapshot, Camera, Phase, SentVideo, Snapshot

FOUND = Camera("pattern", looked_for=True)
VIDEO = SentVideo(width=1280, height=720, framerate=29.97, bitrate=1_900_000)


def snapshot(*calls: CallSnapshot, **changes: Any) -> Snapshot:
    """A device in good order, but for `changes`."""
    values: dict[str, Any] = {
        "uid": "door-1",
        "version": "1.0",
        "pid": 42,
        "phase": Phase.RUNNING,
        "uptime": 10.0,
        "broker": "127.0.0.1:1883",
        "broker_connected": True,
        "camera": FOUND,
        "max_conversations": 1,
        "calls": calls,
    }
    return Snapshot(**{**values, **changes})


def call(
    remote_uid: str = "front-desk",
    state: State = State.ESTABLISHED,
    video: SentVideo | None = None,
    purpose: Purpose = Purpose.TALK,
) -> CallSnapshot:
    return CallSnapshot(
        conversation=f"conversation-with-{remote_uid}",
        remote_uid=remote_uid,
        direction=Direction.INCOMING,
        state=state,
        age=5.0,
        purpose=purpose,
        video=video,
    )
