"""What may be asked of a device."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agent.errors import MalformedMessage
from agent.signaling.protocol.command_messages import AcceptCommand, CloseCommand
from agent.signaling.protocol.messages import (
    COMMANDS,
    CommandResult,
    parse_command,
)

CONVERSATION = "6f1c2a34-5b6d-4e7f-8a90-1b2c3d4e5f60"
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)


@given(
    st.sampled_from([*COMMANDS, "reboot", ""]),
    st.binary(max_size=100) | json_values.map(lambda v: json.dumps(v).encode()),
)
def test_command_messages_any_bytes_are_a_command_or_malformed(verb: str, payload: bytes) -> None:
    try:
        outcome: object = parse_command(verb, payload)
    except MalformedMessage as error:
        outcome = error.code
    codes = {"unknown_verb", "too_deep", "not_json", "not_an_object", "invalid"}
    assert isinstance(outcome, BaseModel) or outcome in codes


def test_command_messages_failure_is_bounded_whatever_it_tells() -> None:
    failure = CommandResult.failure("c" * 100, "line\n" * 200)
    assert failure.code == "c" * 64
    assert failure.message is not None
    assert len(failure.message) <= 200
    assert "\n" not in failure.message


@pytest.mark.parametrize("verb", ["accept", "reject", "close"])
def test_command_messages_conversation_is_compared_without_case(verb: str) -> None:
    shouted = json.dumps({"conversation": CONVERSATION.upper()}).encode()
    assert parse_command(verb, shouted) == COMMANDS[verb].model_validate(
        {"conversation": CONVERSATION}
    )


def test_command_messages_empty_payload_is_an_empty_object() -> None:
    assert parse_command("close", b"") == CloseCommand()
    assert parse_command("accept", b"{}") == AcceptCommand()


def test_command_messages_unknown_verb_still_names_its_id() -> None:
    with pytest.raises(MalformedMessage) as caught:
        parse_command("reboot", b'{"id":"7"}')
    assert (caught.value.code, caught.value.value) == ("unknown_verb", {"id": "7"})
