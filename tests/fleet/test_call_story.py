"""One call as those who were in it tell it, from both stores."""

from __future__ import annotations

from agent.fleet.call_story import call_story
from agent.fleet.sql_store import SqlStore
from tests.fleet.samples import closed, collected

CONVERSATION = "11111111-2222-4333-8444-555555555555"
INVITED = "2026-11-18T01:46:29.000Z"


def told(store: SqlStore) -> None:
    record = closed(
        conversation=CONVERSATION,
        invitedAt=INVITED,
        answeredAt="2026-11-18T01:46:29.040Z",
        setup={"response": 40.0, "ice": 700.0, "dtls": 1000.0, "firstFrame": 1400.0},
    )
    other = record | {
        "device": "door-2",
        "remoteUid": "door-1",
        "direction": "outgoing",
        "eventId": "2",
    }
    report = {
        "conversation": CONVERSATION,
        "timestamp": "2026-11-18T01:46:32.000Z",
        "video": {"bitrate": 900_000, "framesPerSecond": 25.0},
        "transport": {"currentRoundTripTime": 0.02},
    }
    store.write(
        [
            collected("door-1", "events/closed", record),
            collected("door-2", "events/closed", other),
            collected("door-1", "events/local_stats", report),
            collected("door-3", "events/closed", closed("door-3")),
        ]
    )


def test_call_story_goes_from_the_invitation_to_the_close(store: SqlStore) -> None:
    told(store)
    story = call_story(store, CONVERSATION.upper())
    ours = [each["step"] for each in story["steps"] if each["device"] == "door-1"]
    assert ours == ["invited", "answered", "ice", "connected", "first_frame", "closed"]
    assert {each["device"] for each in story["steps"]} == {"door-1", "door-2"}
    assert story["steps"][0]["timestamp"] == INVITED
    assert story["steps"][-1]["reason"] == "user_hangup"
    assert [each["device"] for each in story["records"]] == ["door-1", "door-2"]


def test_call_story_has_the_statistics_that_are_kept(store: SqlStore) -> None:
    told(store)
    assert call_story(store, CONVERSATION)["statistics"] == [
        {
            "device": "door-1",
            "timestamp": "2026-11-18T01:46:32.000Z",
            "kind": "local_stats",
            "bitrate": 900_000,
            "framesPerSecond": 25.0,
            "roundTripTime": 0.02,
        }
    ]


def test_call_story_of_a_call_that_nobody_told_of_is_empty(store: SqlStore) -> None:
    assert call_story(store, CONVERSATION) == {}


def test_call_story_of_a_strange_record_leaves_out_what_cannot_be_read(store: SqlStore) -> None:
    record = closed(
        conversation=CONVERSATION, invitedAt=INVITED, answeredAt=7, setup={"ice": "soon"}
    )
    store.write([collected("door-1", "events/closed", record)])
    steps = [each["step"] for each in call_story(store, CONVERSATION)["steps"]]
    assert steps == ["invited", "connected", "closed"]
