"""The sentence that `systemctl status` shows."""

from __future__ import annotations

import pytest

from agent.core.call.machine import State
from agent.service.status_snapshot import CallSnapshot, Camera, Phase, Records, lacking, words
from tests.service.snapshots import VIDEO, call, snapshot

UNKNOWN = Camera("auto")
MISSING = Camera("auto", looked_for=True, missing="none found")


@pytest.mark.parametrize(
    ("calls", "changes", "sentence"),
    [
        ((), {}, "idle; broker 127.0.0.1:1883"),
        ((), {"broker_connected": False}, "waiting for the broker 127.0.0.1:1883"),
        (
            (),
            {"broker_connected": False, "broker_trouble": "refused: Not authorized"},
            "waiting for the broker 127.0.0.1:1883 (refused: Not authorized)",
        ),
        ((), {"camera": UNKNOWN}, "waiting for the camera"),
        ((), {"camera": MISSING}, "waiting for a camera (none found)"),
        (
            (),
            {"camera": MISSING, "broker_connected": False},
            "waiting for the broker 127.0.0.1:1883 and a camera (none found)",
        ),
        ((call(video=VIDEO),), {}, "in a call with front-desk, 1280x720 at 30 fps, 1.9 Mbit/s"),
        ((call(),), {}, "in a call with front-desk"),
        (
            (call(),),
            {"broker_connected": False},
            "in a call with front-desk; the broker 127.0.0.1:1883 is away",
        ),
        ((call(state=State.INVITED),), {}, "answering front-desk"),
        ((call(state=State.RINGING),), {}, "ringing for front-desk"),
        ((call(state=State.CONNECTING),), {}, "connecting to front-desk"),
        ((call(state=State.SILENT, video=VIDEO),), {}, "reconnecting to front-desk"),
        ((call(state=State.LOST, video=VIDEO),), {}, "reconnecting to front-desk"),
        ((call(state=State.INVITING),), {}, "calling front-desk"),
        (
            (call("a", video=VIDEO), call("b", video=VIDEO), call("c", state=State.RINGING)),
            {},
            "in 3 calls with a, b and c, 1280x720 at 30 fps, 3.8 Mbit/s",
        ),
        (
            (),
            {"records": Records(trouble="database or disk is full")},
            "idle; broker 127.0.0.1:1883; call records are in memory only (database or disk is "
            "full)",
        ),
        ((), {"phase": Phase.STOPPING}, "stopping"),
        ((call(),), {"phase": Phase.STOPPING}, "hanging up with front-desk"),
    ],
)
def test_words(calls: tuple[CallSnapshot, ...], changes: dict[str, object], sentence: str) -> None:
    assert words(snapshot(*calls, **changes)) == sentence


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_words(state: State) -> None:
    assert words(snapshot(call(state=state))).endswith("front-desk")


def test_nothing_is_lacking_in_good_order() -> None:
    assert lacking(snapshot()) == []
