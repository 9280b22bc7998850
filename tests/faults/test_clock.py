"""The time of day jumps under a whole device: it boots in 1970, is told the time in a call, and
told wrong for a while.

What the C library says is changed from outside (libfaketime); the monotonic clock goes on, as in
life.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiortc import AudioStreamTrack, RTCConfiguration, RTCPeerConnection, VideoStreamTrack

from agent.signaling.protocol.messages import format_time
from tests.conftest import Mosquitto
from tests.e2e.device import UID, Program, Watcher, configuration, device, record_of
from tests.faults.stranger import Stranger
from tests.parts import missing, require_part
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.broker, pytest.mark.media]

HOUR = 3600.0
# what a board shows that has no battery, ten minutes after it was switched on
BOOT = 600.0


class FakedClock:
    """The time of day of the programs that run in `environment`."""

    def __init__(self, folder: Path) -> None:
        require_part("faketime")
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries:
            missing("libfaketime is not where Debian's package has it")
        self._file = folder / "faketime"
        self.environment = {
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def show(self, *, off_by: float) -> None:
        """From now on, in seconds; 0 is the right time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{off_by:+.0f}")
        fresh.replace(self._file)


def both_ways() -> RTCPeerConnection:
    """Sends sound and a picture of its own."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for track in (AudioStreamTrack(), VideoStreamTrack()):
        pc.addTrack(track)
    return pc


async def picture(caller: Stranger) -> None:
    track = next(
        each.receiver.track for each in caller.pc.getTransceivers() if each.kind == "video"
    )
    async with asyncio.timeout(PATIENCE):
        await track.recv()


async def reports(watcher: Watcher, off_by: float) -> tuple[Any, Any]:
    """What the device sends and what arrives: its next reports by a clock that is so many seconds
    off, of an interval in which sound and picture arrived.
    """

    def fits(body: dict[str, Any]) -> bool:
        its_time = datetime.fromisoformat(body["timestamp"]).timestamp()
        return abs(its_time - (time.time() + off_by)) < HOUR / 2

    def flows(body: dict[str, Any]) -> bool:
        kinds = (body.get("audio", {}), body.get("video", {}))
        return fits(body) and all(each.get("bitrate", 0) > 0 for each in kinds)

    after = len(watcher.messages)
    sent = await watcher.wait(f"{UID}/events/local_stats", fits, after=after)
    return sent, await watcher.wait(f"{UID}/events/remote_stats", flows, after=after)


async def test_a_call_outlives_what_the_clock_does(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    clock, began = FakedClock(tmp_path), time.time()
    in_1970 = BOOT - began
    clock.show(off_by=in_1970)
    config, log = configuration(tmp_path, mosquitto.port), tmp_path / "device.log"
    program = await Program.start(log, "run", "--config", str(config), env=clock.environment)
    try:
        status = await watcher.wait(f"{UID}/status", lambda body: body["state"] == "online")
        assert status["since"].startswith("1970-01-01T00:1")
        async with Stranger.calling(watcher, "caller", both_ways()) as caller:
            assert (await caller.invite())["callStatus"] == "ACCEPTED"
            await caller.connected()
            await picture(caller)
            before, _ = await reports(watcher, in_1970)
            for off_by in (0.0, HOUR, -HOUR, 0.0):
                clock.show(off_by=off_by)
                await reports(watcher, off_by)
                # of an interval after the jump
                sent, received = await reports(watcher, off_by)
                await picture(caller)
                assert before["video"]["framesSent"] < sent["video"]["framesSent"]
                for kind in ("audio", "video"):
                    assert 0 <= received[kind]["jitter"] < PATIENCE
                assert 0 <= received["video"].get("roundTripTime", 0) < PATIENCE
                before = sent
            async with Stranger.calling(watcher, "late") as late:
                stale = await late.invite(sentAt=format_time(time.time() - HOUR))
            caller.close()
            record = await caller.closed()
    finally:
        await program.end()
    assert (stale["callStatus"], stale["reason"]) == ("TIMEOUT", "expired")
    assert (record["reason"], record["closedBy"], record["reconnects"]) == (
        "user_hangup",
        "remote",
        0,
    )
    marks = [record[each] for each in ("invitedAt", "answeredAt", "connectedAt", "endedAt")]
    _, _, connected, ended = times = [datetime.fromisoformat(each).timestamp() for each in marks]
    known = [began, *times, time.time()]
    assert known == sorted(known)
    assert record["duration"] == pytest.approx(ended - connected, abs=0.01)
    assert "the clock is set" in program.log()
    assert "Traceback" not in program.log()


async def test_a_caller_whose_clock_is_wrong_is_let_in(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Its invitation has expired when it comes. Told the time, it invites once more."""
    clock = FakedClock(tmp_path)
    clock.show(off_by=-HOUR)
    async with device(tmp_path, mosquitto, watcher):
        arguments = (
            "call",
            UID,
            "--broker",
            f"mqtt://127.0.0.1:{mosquitto.port}",
            "--json",
            "--seconds",
            "1",
        )
        caller = await Program.start(tmp_path / "call.log", *arguments, env=clock.environment)
        code, output = await caller.finish()
    assert code == 0, caller.log()
    assert record_of(output)["reason"] == "user_hangup"
    assert "Traceback" not in caller.log()
    answers = [each.body for each in watcher.messages if each.body.get("type") == "response"]
    assert [each["callStatus"] for each in answers] == ["TIMEOUT", "ACCEPTED"]
