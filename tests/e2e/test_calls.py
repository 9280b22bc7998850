"""Whole calls: `callbox run`, `callbox call`, a real broker, real WebRTC, real H.264."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import av
import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import Watcher, call, device, record_of

pytestmark = [pytest.mark.broker, pytest.mark.media]

RING = '[[policy.rule]]\nname = "ask"\naction = "ring"\n'


async def test_a_call_from_invitation_to_record(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    recording = tmp_path / "call.mkv"
    async with device(tmp_path, mosquitto, watcher):
        caller = await call(
            tmp_path, mosquitto, "--seconds", "3", "--record", str(recording), "--audio", "pattern"
        )
        code, output = await caller.finish()
        closed = await watcher.wait("door-1/events/closed")
    assert code == 0, caller.log()
    record = record_of(output)
    assert (record["reason"], record["closedBy"], record["path"]["relayed"]) == (
        "user_hangup",
        "local",
        False,
    )
    assert record["video"]["framesReceived"] > 4

    names = [event["event"] for event in watcher.events(closed["conversation"])]
    assert names[:2] == ["called", "response"]
    assert names[-1] == "closed"
    assert names.count("closed") == 1
    assert {"stream_received", "local_stats", "remote_stats"} <= set(names)
    assert_device_record(closed)
    assert_stats(watcher.events(closed["conversation"]))
    assert_recording(recording)


def assert_device_record(closed: dict[str, Any]) -> None:
    assert (closed["reason"], closed["closedBy"], closed["callStatus"]) == (
        "user_hangup",
        "remote",
        "ACCEPTED",
    )
    assert closed["remoteUid"] == "callbox-call"
    assert closed["direction"] == "incoming"
    assert closed["duration"] > 1.0
    assert {"response", "ice", "dtls", "firstFrame"} <= set(closed["setup"])
    assert closed["invitedAt"] <= closed["answeredAt"] <= closed["connectedAt"] <= closed["endedAt"]
    assert (closed["video"]["frameWidth"], closed["video"]["frameHeight"]) == (320, 240)
    # the tone pauses, and pauses cost next to no packets
    assert closed["audio"]["packetsReceived"] > 4
    assert 1.0 <= closed["quality"]["mos"] <= 5.0


def assert_stats(events: list[Any]) -> None:
    """Of the best of all intervals: how the machine was in one of them is its own affair."""
    local = max(
        (event for event in events if event["event"] == "local_stats"),
        key=lambda event: event["video"].get("framesPerSecond", 0),
    )
    assert (local["video"]["frameWidth"], local["video"]["frameHeight"]) == (320, 240)
    assert local["video"]["framesPerSecond"] > 1
    assert local["video"]["bitrate"] > 10_000
    assert local["video"]["codec"] == "H264"
    assert local["transport"]["localCandidateType"] == "host"
    reports = [event for event in events if event["event"] == "remote_stats"]
    remote = reports[-1]
    assert remote["audio"]["bytesReceived"] > 0
    assert remote["audio"]["delay"] >= 0
    assert 0 <= remote["video"]["fractionLost"] <= 1
    # seconds, as W3C has it
    trips = [event["video"].get("roundTripTime") for event in reports if "video" in event]
    assert min(each for each in trips if each is not None) < 1


def assert_recording(path: Path) -> None:
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        pictures = sum(1 for _ in container.decode(video=0))
    assert pictures > 4
    with av.open(str(path)) as container:
        # a tone that pauses, and nothing is sent of the pauses
        assert sum(frame.samples for frame in container.decode(audio=0)) > 12_000


@pytest.mark.parametrize(
    ("policy", "code", "status", "reason"),
    [
        ("", 3, "REJECTED", "not_allowed"),
        (
            '[[policy.rule]]\nname = "no"\naction = "reject"\nreason = "quiet_hours"\n',
            3,
            "REJECTED",
            "quiet_hours",
        ),
        ('[[policy.rule]]\nname = "no"\naction = "busy"\n', 4, "BUSY", "busy"),
    ],
)
async def test_a_call_that_the_policy_refuses(
    tmp_path: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    policy: str,
    code: int,
    status: str,
    reason: str,
) -> None:
    async with device(tmp_path, mosquitto, watcher, policy=policy):
        caller = await call(tmp_path, mosquitto, "--seconds", "3")
        exit_code, output = await caller.finish()
        closed = await watcher.wait("door-1/events/closed")
    assert exit_code == code
    assert record_of(output)["callStatus"] == status
    response = next(
        event for event in watcher.events(closed["conversation"]) if event["event"] == "response"
    )
    assert (response["callStatus"], response["reason"]) == (status, reason)
    assert "connectedAt" not in closed
    assert closed["duration"] == 0


async def test_ringing_is_answered_by_command(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with device(tmp_path, mosquitto, watcher, policy=RING):
        caller = await call(tmp_path, mosquitto, "--seconds", "1")
        ringing = await watcher.wait(
            "callbox-call/signal/door-1", lambda body: body["type"] == "ringing"
        )
        assert 25 < ringing["expiresIn"] <= 30
        watcher.publish("door-1/command/accept", {"id": "42"})
        result = await watcher.wait("door-1/events/command_result")
        assert (result["ok"], result["id"], result["conversation"]) == (
            True,
            "42",
            ringing["conversation"],
        )
        code, _ = await caller.finish()
    assert code == 0


async def test_ringing_is_declined_by_command(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with device(tmp_path, mosquitto, watcher, policy=RING):
        caller = await call(tmp_path, mosquitto)
        await watcher.wait("callbox-call/signal/door-1", lambda body: body["type"] == "ringing")
        watcher.publish("door-1/command/reject", {})
        code, output = await caller.finish()
        again = watcher.publish("door-1/command/reject", {"id": "again"})
        await again
        result = await watcher.wait(
            "door-1/events/command_result", lambda body: body.get("id") == "again"
        )
    assert (code, record_of(output)["callStatus"]) == (3, "REJECTED")
    assert (result["ok"], result["code"], result["message"]) == (
        False,
        "invalid_state",
        "nothing rings",
    )


async def test_nobody_answers(tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher) -> None:
    async with device(tmp_path, mosquitto, watcher, policy=RING):
        caller = await call(tmp_path, mosquitto, "--lifetime", "1")
        code, output = await caller.finish()
        closed = await watcher.wait("door-1/events/closed")
    assert (code, record_of(output)["callStatus"]) == (5, "TIMEOUT")
    # whichever clock was first
    assert closed["reason"] in ("invite_timeout", "cancelled")


async def test_interrupted_before_the_answer(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with device(tmp_path, mosquitto, watcher, policy=RING):
        caller = await call(tmp_path, mosquitto)
        await watcher.wait("callbox-call/signal/door-1", lambda body: body["type"] == "ringing")
        caller.signal(signal.SIGINT)
        code, output = await caller.finish()
        closed = await watcher.wait("door-1/events/closed")
    assert (code, record_of(output)["reason"]) == (6, "cancelled")
    assert (closed["reason"], closed["closedBy"]) == ("cancelled", "remote")
    assert "Traceback" not in caller.log()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_before_the_call(
    tmp_path: Path, mosquitto: Mosquitto, number: signal.Signals
) -> None:
    mosquitto.stop()
    caller = await call(tmp_path, mosquitto, "--verbose")
    while "refused" not in caller.log().lower():  # it has tried
        assert caller.process.returncode is None
        # its log is a file: there is nothing to wait for
        await asyncio.sleep(0.02)
    caller.signal(number)
    code, _ = await caller.finish()
    assert code == 6
    assert "interrupted before the call" in caller.log()
    assert "Traceback" not in caller.log()


async def test_nobody_is_there(tmp_path: Path, mosquitto: Mosquitto) -> None:
    caller = await call(tmp_path, mosquitto, "--lifetime", "120", to="nobody")
    code, output = await caller.finish()
    record = record_of(output)
    assert (code, record["reason"], record["closedBy"]) == (7, "cancelled", "local")
    assert not {"answeredAt", "callStatus"} & record.keys()
    error = json.loads(output.splitlines()[0])
    assert (error["event"], error["code"]) == ("error", "unreachable")


async def test_second_caller_hears_busy(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with device(tmp_path, mosquitto, watcher):
        first = await call(tmp_path, mosquitto, "--uid", "first")
        await watcher.wait("door-1/events/response", lambda body: body["remoteUid"] == "first")
        status = await watcher.wait("door-1/status", lambda body: body["busy"])
        then = len(watcher.messages)
        second = await call(tmp_path, mosquitto, "--uid", "second")
        code, output = await second.finish()
        first.signal(signal.SIGINT)
        first_code, _ = await first.finish()
        await watcher.wait("door-1/status", lambda body: not body["busy"], after=then)
    assert (code, record_of(output)["callStatus"], first_code) == (4, "BUSY", 0)
    assert status["conversations"] == 1


async def test_device_calls_by_command_and_the_first_to_accept_is_selected(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with (
        device(tmp_path, mosquitto, watcher),
        device(tmp_path, mosquitto, watcher, uid="kitchen"),
        device(tmp_path, mosquitto, watcher, uid="hall", policy=RING),
    ):
        watcher.publish("door-1/command/call", {"to": ["hall", "kitchen"], "mode": "parallel"})
        await watcher.wait("kitchen/events/stream_received")
        elsewhere = await watcher.wait("hall/events/closed")
        result = await watcher.wait("door-1/events/command_result")
        watcher.publish("door-1/command/close", {"conversation": result["conversation"]})
        closed = await watcher.wait("door-1/events/closed")
    assert elsewhere["reason"] == "answered_elsewhere"
    assert (closed["remoteUid"], closed["targets"]) == ("kitchen", ["hall", "kitchen"])
    assert (closed["direction"], closed["reason"]) == ("outgoing", "user_hangup")


async def test_sigterm_in_a_call_tells_the_caller(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with device(tmp_path, mosquitto, watcher) as program:
        caller = await call(tmp_path, mosquitto)
        await watcher.wait("door-1/events/local_stats")
        program.signal(signal.SIGTERM)
        code, _ = await program.finish()
        caller_code, output = await caller.finish()
        closed = await watcher.wait("door-1/events/closed")
        status = await watcher.wait("door-1/status", lambda body: body["state"] == "offline")
    assert code == 0
    assert (caller_code, record_of(output)["reason"], record_of(output)["closedBy"]) == (
        0,
        "shutdown",
        "remote",
    )
    assert (closed["reason"], closed["closedBy"]) == ("shutdown", "local")
    assert not status["busy"]


async def test_longest_duration_ends_the_call(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    policy = (
        '[[policy.rule]]\nname = "short"\naction = "accept"\nmax_duration = "1s"\naudio = "none"\n'
    )
    async with device(tmp_path, mosquitto, watcher, policy=policy):
        caller = await call(tmp_path, mosquitto)
        code, output = await caller.finish()
    assert (code, record_of(output)["reason"]) == (0, "max_duration")
    assert "audio" not in record_of(output) or not record_of(output)["audio"].get("packetsReceived")
