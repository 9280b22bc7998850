"""The messages in `tests/data/wire`, which other implementations read too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agent.errors import MalformedMessage
from agent.signaling.protocol.messages import encode, parse_command, parse_signal

FOLDER = Path(__file__).parent.parent.parent / "data" / "wire"
CASES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
VALID = [name for name, case in CASES.items() if case["valid"]]
INVALID = [name for name, case in CASES.items() if not case["valid"]]


def payload(case: dict[str, Any]) -> bytes:
    text: str = case["text"] if "text" in case else json.dumps(case["message"], ensure_ascii=False)
    return text.encode()


def parse(case: dict[str, Any], raw: bytes) -> BaseModel:
    return parse_command(case["verb"], raw) if case["kind"] == "command" else parse_signal(raw)


def test_wire_files_case_is_named_for_what_is_expected_of_it() -> None:
    assert len(VALID) >= 25
    assert all(name.startswith("invalid_") for name in INVALID)
    assert not any(name.startswith("invalid_") for name in VALID)


@pytest.mark.parametrize("name", VALID)
def test_wire_files_valid_message_keeps_its_values(name: str) -> None:
    case = CASES[name]
    model = parse(case, payload(case))
    written = json.loads(encode(model))
    original = json.loads(payload(case) or b"{}")
    known = {field.alias or key for key, field in type(model).model_fields.items()}
    assert _common(written, original) == {
        key: value for key, value in original.items() if key in known
    }
    assert parse(case, encode(model)) == model


@pytest.mark.parametrize("name", INVALID)
def test_wire_files_invalid_message_is_refused_with_its_code(name: str) -> None:
    case = CASES[name]
    with pytest.raises(MalformedMessage) as caught:
        parse(case, payload(case))
    assert caught.value.code == case["code"]
    assert str(caught.value).startswith(case.get("field", ""))
    assert 0 < len(str(caught.value)) <= 200


def _common(written: dict[str, Any], original: dict[str, Any]) -> dict[str, Any]:
    """What was written of `original`; an unknown field of a candidate is allowed to be gone."""
    kept = {key: value for key, value in written.items() if key in original}
    if isinstance(original.get("candidate"), dict):
        kept["candidate"] = original["candidate"] | kept["candidate"]
    return kept
