"""Models to bytes and back, times, and the values of the core."""

from __future__ import annotations

import json
import uuid
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from agent.core.call import events as core
from agent.core.call.reasons import CallStatus, CloseReason, Direction
from agent.errors import MalformedMessage
from agent.signaling.protocol.messages import (
    SIGNALS,
    Answer,
    Candidate,
    Close,
    Error,
    EventHeader,
    Invite,
    Offer,
    Response,
    Ringing,
    RTCIceCandidate,
    RTCIceServer,
    Select,
    SignalMessage,
    encode,
    format_time,
    parse_signal,
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
def test_messages_message_survives_the_wire(message: SignalMessage) -> None:
    assert parse_signal(encode(message)) == message


@given(st.sampled_from(sorted(SIGNALS)), st.dictionaries(st.sampled_from(FIELDS), anything))
def test_messages_any_fields_are_a_message_or_malformed(kind: str, fields: dict[str, Any]) -> None:
    payload = json.dumps({"type": kind} | fields).encode()
    try:
        outcome: object = parse_signal(payload)
    except MalformedMessage as error:
        outcome = error.code if len(str(error)) <= 200 else "unbounded"
    assert isinstance(outcome, SIGNALS[kind]) or outcome == "invalid"


def test_messages_cannot_be_changed() -> None:
    message = Close(conversation=CONVERSATION, party="p", reason="user_hangup")
    with pytest.raises(ValidationError, match="frozen"):
        message.reason = "x"


def test_messages_reason_of_a_newer_protocol_is_read_by_the_core() -> None:
    message = parse_signal(encode(Close(conversation=CONVERSATION, party="p", reason="beamed_up")))
    assert isinstance(message, Close)
    assert CloseReason.parse(message.reason) is CloseReason.UNKNOWN_REASON


def test_messages_servers_and_candidates_are_the_core_s() -> None:
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


def test_messages_empty_candidate_is_the_end_of_them_too() -> None:
    conversation = str(uuid.uuid4())
    empty = Candidate(conversation=conversation, party="p", candidate=RTCIceCandidate(candidate=""))
    assert empty.to_core() is None
    assert Candidate(conversation=conversation, party="p", candidate=None).to_core() is None
