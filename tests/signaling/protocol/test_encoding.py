"""What all messages share: bytes, times, and the words of a fault."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from agent.core.call.reasons import Direction
from agent.core.statistics.reports import LocalStats, SentMedia
from agent.errors import MalformedMessage
from agent.signaling.protocol.encoding import WHOLE, conversation_key, is_conversation, validated
from agent.signaling.protocol.messages import (
    Candidate,
    Close,
    EventHeader,
    Health,
    Invite,
    LocalStatsEvent,
    PolicyCommand,
    Status,
    encode,
    format_time,
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


WHOLE_NUMBER: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=0, le=63), WHOLE])


def test_encoding_what_is_not_known_is_left_out_and_null_stays_where_it_means_something() -> None:
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


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_encoding_number_that_json_does_not_have_is_left_out(number: float) -> None:
    health = Health(temperature_celsius=number, load1=0.5)
    assert encode(health) == b'{"load1":0.5}'
    nested = LocalStatsEvent.of(
        HEADER, LocalStats(video=SentMedia(frames_per_second=number, bitrate=7))
    )
    assert json.loads(encode(nested))["video"] == {"bitrate": 7}


def test_encoding_bytes_are_compact_utf_8() -> None:
    assert encode(Status(state="online", version="ä")) == (
        '{"state":"online","busy":false,"conversations":0,"version":"ä"}'.encode()
    )


@given(st.floats(0, 4e9))
def test_encoding_time_comes_back_to_the_millisecond(seconds: float) -> None:
    assert parse_time(format_time(seconds)) == pytest.approx(seconds, abs=0.000501)
    assert format_time(parse_time(format_time(seconds))) == format_time(seconds)


def test_encoding_format_of_a_time() -> None:
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
def test_encoding_parse_time_refuses(wrong: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_time(wrong)


@given(st.text(max_size=30))
def test_encoding_any_text_is_a_time_or_a_value_error(wrong: str) -> None:
    try:
        seconds: float | None = parse_time(wrong)
    except ValueError:
        seconds = None
    assert seconds is None or math.isfinite(seconds)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("0.0", 0), ("-0.0", 0), ("1e1", 10)])
def test_encoding_whole_number_however_it_is_written(text: str, value: int) -> None:
    found = WHOLE_NUMBER.validate_python(json.loads(text))
    assert (found, type(found)) == (value, int)


@pytest.mark.parametrize("text", ["0.5", "true", '"1"', "null", "1e300", "-1.0"])
def test_encoding_whole_number_refuses_anything_else(text: str) -> None:
    with pytest.raises(ValidationError):
        WHOLE_NUMBER.validate_python(json.loads(text))


def test_encoding_whole_number_is_an_integer_in_the_schema_too() -> None:
    assert WHOLE_NUMBER.json_schema() == {"type": "integer", "minimum": 0, "maximum": 63}


@pytest.mark.parametrize("text", [CONVERSATION, CONVERSATION.upper()])
def test_encoding_conversation_has_no_case(text: str) -> None:
    assert is_conversation(text)
    assert conversation_key(text) == CONVERSATION


@pytest.mark.parametrize("text", ["", CONVERSATION[1:], f"{CONVERSATION}\n", f"{{{CONVERSATION}}}"])
def test_encoding_conversation_of_another_form(text: str) -> None:
    assert not is_conversation(text)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "close.conversation: is required"),
        ({"conversation": 1}, "close.conversation: must be a string"),
        ({"conversation": CONVERSATION, "party": ""}, "close.party: must match ^[!-~]{1,64}$"),
        (
            {"conversation": CONVERSATION, "party": "p", "reason": ""},
            "close.reason: must have at least 1 characters",
        ),
    ],
)
def test_encoding_validated_names_the_field_and_the_fault(
    fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(MalformedMessage) as caught:
        validated(Close, fields, "close")
    assert (caught.value.code, str(caught.value)) == ("invalid", words)
