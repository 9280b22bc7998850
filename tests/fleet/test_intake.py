"""What is collected of a message, and why one is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.fleet.intake import REJECT_SIZE, Collected, FleetMessage, Intake, Reject
from tests.fleet.samples import INTAKE, NOW, PREFIX, closed, collected, rejected


def test_intake_filters_do_not_overlap() -> None:
    intake = Intake(["a", "b/c"])
    filters = intake.filters() + intake.retained_filters()
    assert len(filters) == len(set(filters)) == 18
    assert "b/c/+/events/closed" in filters
    assert not any("#" in each or each.endswith("events/+") for each in filters)


def test_intake_never_asks_for_what_a_collector_may_not_read() -> None:
    assert not any(
        "called" in each or "snapshot" in each
        for each in INTAKE.filters() + INTAKE.retained_filters()
    )


def test_intake_of_an_event_keeps_unknown_fields() -> None:
    read = collected("door-1", "events/closed", closed(newer={"field": 1}))
    assert (read.kind, read.device, read.body["newer"]) == ("closed", "door-1", {"field": 1})
    assert read.event_id == read.body["eventId"]


def test_intake_refuses_a_body_that_names_another_device() -> None:
    assert "other_device" in rejected("door-2", "events/closed", closed("door-1")).reason
    assert "other_device" in rejected("door-2", "about", {"uid": "door-1"}).reason


@pytest.mark.parametrize("event_id", [None, "", 7, "a" * 129, "a\0b", "two words"])
def test_intake_refuses_an_event_without_a_usable_id(event_id: object) -> None:
    assert "eventId" in rejected("door-1", "events/closed", closed(eventId=event_id)).reason


def test_intake_keeps_the_time_of_an_old_event() -> None:
    old = "2025-11-18T01:46:40.000Z"
    read = collected("door-1", "events/closed", closed(timestamp=old))
    assert read.at == read.said_at
    assert NOW - read.at > 364 * 86_400_000


def test_intake_counts_an_event_from_the_future_when_it_arrives() -> None:
    read = collected("door-1", "events/closed", closed(timestamp="2031-01-01T00:00:00.000Z"))
    assert read.at == NOW
    assert read.said_at is not None
    assert read.said_at > NOW


def test_intake_refuses_a_time_that_is_none() -> None:
    assert "timestamp" in rejected("door-1", "health", {"timestamp": "yesterday"}).reason


@pytest.mark.parametrize(
    "topic",
    ["", "x", f"{PREFIX}/door-1/events/called", f"{PREFIX}/door-1/snapshot", "other/door-1/health"],
)
def test_intake_refuses_a_topic_that_is_not_collected(topic: str) -> None:
    read = INTAKE.read(FleetMessage(topic, b"{}", NOW))
    assert isinstance(read, Reject)
    assert "other_topic" in read.reason


@given(
    payload=st.binary(max_size=200)
    | st.text(max_size=50).map(lambda text: json.dumps(text).encode())
)
def test_intake_of_garbage_is_a_reject_of_bounded_size(payload: bytes) -> None:
    read = INTAKE.read(FleetMessage(f"{PREFIX}/door-1/events/closed", payload * 20, NOW))
    assert isinstance(read, Reject)
    assert len(read.payload) <= REJECT_SIZE
    assert read.reason.isprintable()


@given(
    body=st.dictionaries(
        st.sampled_from(
            ["eventId", "device", "timestamp", "conversation", "setup", "uid", "since"]
        ),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=20)
        | st.floats(allow_nan=False),
    ),
    what=st.sampled_from(["events/closed", "health", "status", "about", "events/ring"]),
)
def test_intake_of_any_object_never_raises(body: dict[str, object], what: str) -> None:
    payload = json.dumps(body).encode()
    read = INTAKE.read(FleetMessage(f"{PREFIX}/door-1/{what}", payload, NOW))
    assert isinstance(read, Collected | Reject)
