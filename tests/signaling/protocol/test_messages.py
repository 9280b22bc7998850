"""Models to bytes and back, times, and the values of the core."""

from __future__ import annotations

import json
import math
import uuid
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from agent.core.call import events as core
from agent.core.call.reasons import CallStatus, CloseReason, Direction, Side
from agent.core.statistics.reports import CallRecord, LocalStats, Path, SentMedia, SetupTimes
from agent.errors import MalformedMessage
from agent.signaling.protocol.messages import (
    COMMANDS,
    SIGNALS,
    About,
    Answer,
    CalledEvent,
    Candidate,
    Close,
    ClosedEvent,
    CommandResult,
    Error,
    EventHeader,
    Health,
    Invite,
    LocalStatsEvent,
    Offer,
    PolicyCommand,
    Response,
    Ringing,
    RTCIceCandidate,
    RTCIceServer,
    Select,
    SignalMessage,
    Status,
    encode,
    format_time,
    parse_command,
    parse_signal,
    parse_time,
)

CONVERSATION = "6f1c2a34-5b6d-4e7f-8a90-1b2c3d4e5f60"
HEADER = EventHeader(
    event_id="e-1",
    device="door-1",
    conversation=CONVERSATION,
    remote_uid="desk",
    direction=Direction.INCOMING,
    timestamp="2026-11-22T10:15:00.123Z",
)

Built = TypeVar("Built", bound=BaseModel)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)
times = st.floats(0, 4e9).map(format_time)
anything = json_values | st.sampled_from(
    [CONVERSATION, {"candidate": 1}, [{"urls": []}], "ACCEPTED", 1e300, -1]
)
FIELDS = sorted(
    {
        field.alias or name
        for model in SIGNALS.values()
        for name, field in model.model_fields.items()
    }
    - {"type"}
)


def built(model: type[Built], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Built]:
    """Models of these fields and no others: `st.builds` would go by the aliases in pydantic's
    signatures.
    """
    return st.fixed_dictionaries(fields).map(model.model_validate)


servers = built(
    RTCIceServer,
    urls=st.sampled_from(["stun:a.example", ("turn:b", "turns:c:5349")]),
    username=st.none() | text,
)
candidates = built(
    RTCIceCandidate,
    candidate=text,
    sdp_mid=st.none() | text,
    sdp_m_line_index=st.none() | st.integers(0, 63),
)


def messages() -> st.SearchStrategy[SignalMessage]:
    common = {
        "conversation": st.uuids().map(str),
        "party": st.text("abc0123456789!~", min_size=1, max_size=64),
    }
    generation = st.integers(1, 1000)
    return st.one_of(
        built(
            Invite,
            **common,
            sdp=words,
            sent_at=times,
            lifetime=st.floats(1, 120),
            user_data=json_values,
            ice_servers=st.none() | st.lists(servers, max_size=10).map(tuple),
            auth=st.none() | words,
        ),
        built(Ringing, **common, expires_in=st.floats(0, 120)),
        built(
            Response,
            **common,
            call_status=st.sampled_from(CallStatus),
            sdp=words,
            reason=st.none() | words,
        ),
        built(Select, **common, selected_party=st.just("p-2")),
        built(Candidate, **common, candidate=st.none() | candidates),
        built(Offer, **common, generation=generation, sdp=words),
        built(Answer, **common, generation=generation, sdp=words),
        built(Close, **common, reason=words),
        built(Error, **common, code=words, message=text),
    )


@given(messages())
def test_a_message_survives_the_wire(message: SignalMessage) -> None:
    assert parse_signal(encode(message)) == message


@given(st.sampled_from(sorted(SIGNALS)), st.dictionaries(st.sampled_from(FIELDS), anything))
def test_any_fields_are_a_message_or_malformed(kind: str, fields: dict[str, Any]) -> None:
    payload = json.dumps({"type": kind} | fields).encode()
    try:
        outcome: object = parse_signal(payload)
    except MalformedMessage as error:
        outcome = error.code if len(str(error)) <= 200 else "unbounded"
    assert isinstance(outcome, SIGNALS[kind]) or outcome == "invalid"


@given(
    st.sampled_from([*COMMANDS, "reboot", ""]),
    st.binary(max_size=100) | json_values.map(lambda v: json.dumps(v).encode()),
)
def test_any_bytes_are_a_command_or_malformed(verb: str, payload: bytes) -> None:
    try:
        outcome: object = parse_command(verb, payload)
    except MalformedMessage as error:
        outcome = error.code
    codes = {"unknown_verb", "too_deep", "not_json", "not_an_object", "invalid"}
    assert isinstance(outcome, BaseModel) or outcome in codes


def test_what_is_not_known_is_left_out_and_null_stays_where_it_means_something() -> None:
    assert (
        json.loads(encode(Candidate(conversation=CONVERSATION, party="p", candidate=None)))[
            "candidate"
        ]
        is None
    )
    assert encode(PolicyCommand(override=None)) == b'{"override":null}'
    bare = Invite(conversation=CONVERSATION, party="p", sdp="v=0", sent_at="2026-11-22T10:15:00Z")
    assert set(json.loads(encode(bare))) == {
        "type",
        "conversation",
        "party",
        "sdp",
        "sentAt",
        "lifetime",
    }


def test_null_inside_user_data_is_the_caller_s_own() -> None:
    called = CalledEvent.of(HEADER, user_data={"floor": None, "names": [None]})
    assert json.loads(encode(called))["userData"] == {"floor": None, "names": [None]}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_does_not_have_is_left_out(number: float) -> None:
    health = Health(temperature=number, load=0.5)
    assert encode(health) == b'{"load":0.5}'
    nested = LocalStatsEvent.of(
        HEADER, LocalStats(video=SentMedia(frames_per_second=number, bitrate=7))
    )
    assert json.loads(encode(nested))["video"] == {"bitrate": 7}


def test_bytes_are_compact_utf_8() -> None:
    assert encode(Status(state="online", version="ä")) == (
        '{"state":"online","busy":false,"conversations":0,"version":"ä"}'.encode()
    )


def test_the_call_record_becomes_the_closed_event() -> None:
    record = CallRecord(
        reason=CloseReason.USER_HANGUP,
        closed_by=Side.REMOTE,
        call_status=CallStatus.ACCEPTED,
        duration=12.5,
        setup=SetupTimes(response=80.0, first_frame=410.0),
        path=Path(local="host", relayed=False),
    )
    event = json.loads(encode(ClosedEvent.of(HEADER, record)))
    assert event["event"] == "closed"
    assert (event["eventId"], event["remoteUid"], event["direction"]) == ("e-1", "desk", "incoming")
    assert (event["reason"], event["closedBy"], event["duration"]) == (
        "user_hangup",
        "remote",
        12.5,
    )
    assert event["setup"] == {"response": 80.0, "firstFrame": 410.0}
    assert event["path"] == {"local": "host", "relayed": False}
    assert "video" not in event


def test_only_statistics_may_get_lost() -> None:
    assert LocalStatsEvent.QOS == 0
    assert ClosedEvent.QOS == 1


def test_further_facts_about_a_device_are_kept_in_camel_case() -> None:
    about = About.model_validate({"uid": "door-1", "maxWidth": 1280, "hardwareRevision": "1.2"})
    assert json.loads(encode(about)) == {
        "uid": "door-1",
        "maxWidth": 1280,
        "hardwareRevision": "1.2",
    }
    assert json.loads(encode(CommandResult.success(remote_uid="a"))) == {
        "ok": True,
        "remoteUid": "a",
    }


def test_a_failure_is_bounded_whatever_it_tells() -> None:
    failure = CommandResult.failure("c" * 100, "line\n" * 200)
    assert failure.code == "c" * 64
    assert failure.message is not None
    assert len(failure.message) <= 200
    assert "\n" not in failure.message


def test_messages_cannot_be_changed() -> None:
    message = Close(conversation=CONVERSATION, party="p", reason="user_hangup")
    with pytest.raises(ValidationError, match="frozen"):
        message.reason = "x"


def test_a_reason_of_a_newer_protocol_is_read_by_the_core() -> None:
    message = parse_signal(encode(Close(conversation=CONVERSATION, party="p", reason="beamed_up")))
    assert isinstance(message, Close)
    assert CloseReason.parse(message.reason) is CloseReason.UNKNOWN_REASON


@given(st.floats(0, 4e9))
def test_a_time_comes_back_to_the_millisecond(seconds: float) -> None:
    assert parse_time(format_time(seconds)) == pytest.approx(seconds, abs=0.000501)
    assert format_time(parse_time(format_time(seconds))) == format_time(seconds)


def test_the_form_of_a_time() -> None:
    assert format_time(1795342500.1234) == "2026-11-22T10:15:00.123Z"
    assert format_time(1e15) == "9999-12-31T23:59:59.999Z"
    assert format_time(-1e15) == "0001-01-01T00:00:00.000Z"
    assert parse_time("2026-11-22T11:15:00.5+01:00") == parse_time("2026-11-22t10:15:00.500000z")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "now",
        "2026-11-22",
        "2026-11-22T10:15:00",
        "2026-13-01T00:00:00Z",
        "2026-11-22T24:61:00Z",
        "2026-11-22T10:15:00+99:00",
    ],
)
def test_no_time(wrong: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_time(wrong)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_value_error(wrong: str) -> None:
    try:
        seconds: float | None = parse_time(wrong)
    except ValueError:
        seconds = None
    assert seconds is None or math.isfinite(seconds)


def test_servers_and_candidates_are_the_core_s() -> None:
    server = core.IceServer(("turn:a", "turns:b"), "user", "secret")
    assert RTCIceServer.of(server).to_core() == server
    assert RTCIceServer(urls="stun:a").to_core() == core.IceServer(("stun:a",))
    candidate = core.IceCandidate("candidate:1", "0", 1)
    assert json.loads(encode(RTCIceCandidate.of(candidate))) == {
        "candidate": "candidate:1",
        "sdpMid": "0",
        "sdpMLineIndex": 1,
    }
    assert RTCIceCandidate.of(candidate).to_core() == candidate


def test_an_empty_candidate_is_the_end_of_them_too() -> None:
    conversation = str(uuid.uuid4())
    empty = Candidate(conversation=conversation, party="p", candidate=RTCIceCandidate(candidate=""))
    assert empty.to_core() is None
    assert Candidate(conversation=conversation, party="p", candidate=None).to_core() is None


def test_an_event_of_another_conversation_s_form_is_our_own_fault() -> None:
    with pytest.raises(ValidationError):
        ClosedEvent.of(HEADER)
