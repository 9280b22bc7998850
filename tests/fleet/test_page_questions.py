"""What the page asks, from both stores."""

from __future__ import annotations

from typing import Any

import pytest

from agent.core.timestamps import format_time
from agent.fleet.call_row import MEASURES
from agent.fleet.call_sums import DAY
from agent.fleet.device_faults import SILENCE
from agent.fleet.intake import Collected
from agent.fleet.page_questions import (
    UnknownQuestion,
    answer,
    call_overview,
    device_overview,
    distributions,
)
from agent.fleet.sql_store import SqlStore
from tests.fleet.samples import NOW, closed, collected


def call(device: str = "door-1", **fields: Any) -> Collected:
    return collected(
        device, "events/closed", closed(device, timestamp=format_time(NOW / 1000), **fields)
    )


def test_device_overview_counts_each_state(store: SqlStore) -> None:
    online, offline = {"state": "online"}, {"state": "offline"}
    store.write(
        [
            collected("well", "status", online | {"busy": True}),
            collected("mute", "status", online, at=NOW - SILENCE - 1),
            collected("gone", "status", offline),
        ]
    )
    found = device_overview(store, NOW)
    assert found["states"] == {"devices": 3, "online": 1, "silent": 1, "offline": 1, "busy": 1}
    by_name = {each["device"]: each for each in found["devices"]}
    assert by_name["mute"]["faults"] == ["silent"]
    assert "faults" not in by_name["well"]


def test_call_overview_tells_results_and_when(store: SqlStore) -> None:
    failed: dict[str, Any] = {"connectedAt": None, "reason": "ice_failed", "callStatus": "ACCEPTED"}
    store.write([call(), call(), call(**failed), call(reason="media_timeout")])
    found = call_overview(store, NOW - DAY, NOW)
    assert found["results"] == {"connected": 3, "failed": 1}
    assert found["dropped"] == 1
    assert found["step"] == 3600
    assert [each["results"] for each in found["overTime"]] == [{"connected": 3, "failed": 1}]
    assert call_overview(store, NOW - 30 * DAY, NOW)["step"] == 86_400


def test_distributions_are_of_every_measure(store: SqlStore) -> None:
    video = {"meanRoundTripTime": 0.06, "packetsSent": 1000, "remotePacketsLost": 3}
    store.write([call(quality={"mos": 4.1, "model": "estimate"}, video=video)] * 2)
    found = distributions(store, NOW - DAY)
    assert set(found) == set(MEASURES)
    assert found["mos"]["median"] == 4.25
    assert found["round_trip"]["p95"] == 0.1
    assert found["loss"]["calls"] == [0, 0, 1, 0, 0, 0, 0, 0]


def test_answer_to_what_nobody_knows_is_told(store: SqlStore) -> None:
    for name, wanted in (("passwords", {}), ("device", {"uid": "x"}), ("call", {})):
        with pytest.raises(UnknownQuestion):
            answer(store, name, wanted, NOW)


def test_answer_finds_a_device_a_call_and_the_latest(store: SqlStore) -> None:
    store.write([call(conversation="c-1")])
    assert answer(store, "device", {"uid": "door-1"}, NOW)["device"] == "door-1"
    assert answer(store, "call", {"conversation": "c-1"}, NOW)["conversation"] == "c-1"
    assert len(answer(store, "calls", {"result": "connected"}, NOW)["calls"]) == 1
    assert answer(store, "calls", {"result": "failed"}, NOW)["calls"] == []
    assert set(answer(store, "devices", {}, NOW)) == {"states", "devices"}
    assert answer(store, "overview", {"since": "7d"}, NOW)["results"] == {"connected": 1}
