"""What `callbox status` prints."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from agent.commands.status_report import NotRunning, describe, report
from agent.core.call.reasons import Purpose
from agent.service.status_snapshot import Camera, Records, TimeZone
from agent.service.status_socket import StatusServer, as_json
from tests.service.snapshots import VIDEO, call, snapshot


def test_idle() -> None:
    text = describe(as_json(snapshot(uptime=3725.4, memory=48_000_000)))
    assert text.splitlines() == [
        "door-1: idle; broker 127.0.0.1:1883",
        "  broker  127.0.0.1:1883, connected",
        "  camera  pattern",
        "  sound   sends none, plays to no loudspeaker",
        "  up      1h2m5s, callbox 1.0, pid 42",
        "  memory  48 MB",
        "  records none waits for the broker",
        "  calls   0 of 1",
    ]


def test_status_names_the_sound_card() -> None:
    status = as_json(snapshot(sound={"capture": "plughw:CARD=Device,DEV=0", "playback": None}))
    line = "  sound   sends plughw:CARD=Device,DEV=0, plays to no loudspeaker"
    assert line in describe(status).splitlines()


def test_status_tells_the_time_that_rules_are_judged_by() -> None:
    zone = TimeZone("Asia/Shanghai", "01:36")
    assert "  clock   01:36 in Asia/Shanghai" in describe(as_json(snapshot(time_zone=zone)))
    broken = TimeZone("UTC", "17:36", "TZ: 'Nowhere/City' is no time zone")
    line = "  clock   17:36 in UTC; TZ: 'Nowhere/City' is no time zone"
    assert line in describe(as_json(snapshot(time_zone=broken))).splitlines()


def test_status_tells_what_was_refused_by_kind() -> None:
    refused = {"datagrams": 12, "messages": 3, "logins": 0, "commands": 1, "of_a_later_kind": 5}
    status = as_json(snapshot(refused=refused))
    assert status["refused"] == refused
    assert (
        "  refused 12 datagrams, 3 messages, 1 commands, since the start"
        in describe(status).splitlines()
    )


def test_status_of_an_older_daemon_has_no_counts() -> None:
    status = as_json(snapshot())
    del status["refused"]
    assert "refused" not in describe(status)


def test_status_of_a_daemon_moves_no_cursor() -> None:
    status = as_json(snapshot(call(video=VIDEO)))
    status["calls"][0]["remote_uid"] = "\x1b]0;owned\x07"
    status["broker_trouble"] = "refused\x1b[2K\r"
    assert not set("\x1b\x07\r") & set(describe(status))


def test_status_tells_who_only_looks() -> None:
    looks = call("alice", purpose=Purpose.VIEW)
    title, *_, calls, talking, looking = describe(as_json(snapshot(call(), looks))).splitlines()
    assert title == "door-1: in a call with front-desk and seen by alice"
    assert calls == "  calls   1 of 1, and 1 who only look"
    assert "view" not in talking
    assert looking.split("  ")[2:6] == ["alice", "incoming", "view", "established"]
    alone = describe(as_json(snapshot(looks)))
    assert alone.splitlines()[0] == "door-1: seen by alice"


def test_in_a_call() -> None:
    *_, calls, line = describe(as_json(snapshot(call(video=VIDEO)))).splitlines()
    assert calls == "  calls   1 of 1"
    assert line.split("  ")[2:] == [
        "front-desk",
        "incoming",
        "established",
        "5s",
        "1280x720 at 30 fps",
        "1.9 Mbit/s",
        "conversation-with-front-desk",
    ]


def test_what_is_missing() -> None:
    text = describe(
        as_json(
            snapshot(
                broker_connected=False, camera=Camera("auto", looked_for=True, missing="none found")
            )
        )
    )
    assert "  broker  127.0.0.1:1883, not connected" in text
    assert "  camera  auto: none found" in text


def test_describe_tells_of_an_override_and_of_parts_that_do_not_work() -> None:
    text = describe(
        as_json(
            snapshot(
                faults={"page": "port taken"},
                override={"action": "accept", "until": "2030-01-01T00:00:00.000Z"},
            )
        )
    )
    lines = text.splitlines()
    assert lines[0].endswith(
        "; every call is met by accept, by command; without the page (port taken)"
    )
    assert "  rules   every call is met by accept until 2030-01-01T00:00:00.000Z" in lines
    assert "  page    does not work: port taken" in lines


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (Records(waiting=3), "3 wait for the broker"),
        (
            Records(trouble="database or disk is full", lost=2),
            "none waits for the broker; kept in memory only: database or disk is full; 2 lost",
        ),
        (
            Records(recovered=2, set_aside=1),
            "none waits for the broker; 2 of calls that an earlier process died in; 1 damaged "
            "file set aside",
        ),
    ],
)
def test_what_becomes_of_call_records(records: Records, said: str) -> None:
    assert f"  records {said}" in describe(as_json(snapshot(records=records))).splitlines()


def test_why_the_broker_is_not_connected() -> None:
    text = describe(as_json(snapshot(broker_connected=False, broker_trouble="Connection refused")))
    assert "  broker  127.0.0.1:1883, not connected: Connection refused" in text


async def test_report_asks_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "status.sock"
    async with StatusServer(path, snapshot):
        (text,) = await asyncio.to_thread(lambda: list(report(path, as_json=False, watch=False)))
        (as_text,) = await asyncio.to_thread(lambda: list(report(path, as_json=True, watch=False)))
    assert text.startswith("door-1: idle")
    assert json.loads(as_text)["status"] == "idle; broker 127.0.0.1:1883"


async def test_watch_goes_on_when_the_daemon_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.commands.status_report.WATCH_INTERVAL", 0.0)
    path = tmp_path / "status.sock"
    frames = report(path, as_json=False, watch=True)
    async with StatusServer(path, snapshot):
        assert (await asyncio.to_thread(next, frames)).startswith("door-1: idle")
    assert "no daemon answers" in await asyncio.to_thread(next, frames)


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="No such file"):
        next(report(tmp_path / "status.sock", as_json=False, watch=False))


def test_describe_keeps_the_name_of_a_long_topic_apart_from_what_is_said_of_it() -> None:
    fault = {"messages to callbox/v1/door-1/settings": "refused"}
    status = as_json(snapshot(faults=fault))
    assert "messages to callbox/v1/door-1/settings does not work: refused" in describe(status)
