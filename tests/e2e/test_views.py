"""`callbox call --view`: who only looks, beside a call (PROTOCOL 3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import UID, Watcher, call, device, record_of

pytestmark = [pytest.mark.broker, pytest.mark.media]


def of(uid: str) -> Callable[[Any], bool]:
    """Whether a body is of a conversation with `uid`."""
    return lambda body: bool(body["remoteUid"] == uid)


async def test_views_beside_a_call_take_no_line(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Two who look, sound in hand, and one who talks."""
    async with device(tmp_path, mosquitto, watcher):
        viewers = [
            await call(tmp_path, mosquitto, "--view", "--uid", name, "--audio", "pattern")
            for name in ("viewer-1", "viewer-2")
        ]
        for name in ("viewer-1", "viewer-2"):
            await watcher.wait(f"{UID}/events/local_stats", of(name))
        assert not (await watcher.wait(f"{UID}/status", lambda body: body["conversations"] == 2))[
            "busy"
        ]
        caller = await call(tmp_path, mosquitto, "--seconds", "2", "--audio", "pattern")
        code, output = await caller.finish()
        assert code == 0, caller.log()
        assert record_of(output)["video"]["framesReceived"] > 0
        for viewer in viewers:
            viewer.process.terminate()
        ended = await asyncio.gather(*(viewer.finish() for viewer in viewers))
        records = [
            await watcher.wait(f"{UID}/events/closed", of(name))
            for name in ("viewer-1", "viewer-2")
        ]
    for (code, output), record in zip(ended, records, strict=True):
        assert code == 0
        theirs = record_of(output)
        assert (theirs["purpose"], record["purpose"]) == ("view", "view")
        assert theirs["audio"]["packetsReceived"] > 4
        assert theirs["audio"].get("packetsSent", 0) == 0
        assert record["audio"].get("packetsReceived", 0) == 0
