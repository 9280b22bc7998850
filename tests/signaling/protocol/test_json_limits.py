"""What is refused before anything is made of it."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import MalformedMessage
from agent.signaling.protocol.json_limits import MAX_DEPTH, MAX_PAYLOAD, bounded, read_object


def code_of(payload: bytes) -> str:
    with pytest.raises(MalformedMessage) as caught:
        read_object(payload)
    assert len(str(caught.value)) <= 200
    return caught.value.code


def test_json_limits_size_is_judged_before_the_content() -> None:
    room = MAX_PAYLOAD - len('{"a":""}')
    assert read_object(b'{"a":"' + b"x" * room + b'"}') == {"a": "x" * room}
    assert code_of(b"[" * (MAX_PAYLOAD + 1)) == "too_large"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_json_limits_nesting_beyond_any_parser_is_refused(opening: str) -> None:
    assert code_of((opening * 10_000).encode()) == "too_deep"


def test_json_limits_nesting_at_the_limit_is_read() -> None:
    assert read_object(('{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH).encode())
    assert code_of(('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1)).encode()) == "too_deep"


def test_json_limits_many_shallow_levels_are_read() -> None:
    assert len(read_object(b'{"a":[' + b"[]," * 400 + b"[]]}")["a"]) == 401


@pytest.mark.parametrize(
    "payload", [b'{"a":[' + b"[]," * 500 + b"[]]}", b'{"a":"' + b"[" * 500 + b'"}', b"{" * 501]
)
def test_json_limits_many_brackets_are_refused_before_anything_costly(
    payload: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.signaling.protocol.json_limits._too_deep", None)
    assert code_of(payload) == "too_deep"


@pytest.mark.parametrize(
    "payload",
    [b"\xff{}", b'{"a":"\xed\xa0\x80"}', b'{"a":"\\udc00\\ud800"}', b'{"a":1', b"{'a':1}"],
)
def test_json_limits_what_is_not_json_is_refused(payload: bytes) -> None:
    assert code_of(payload) == "not_json"


@pytest.mark.parametrize("payload", [b'\xef\xbb\xbf{"a":1}', b'{"a":1}'])
def test_read_object_reads_over_a_byte_order_mark(payload: bytes) -> None:
    assert read_object(payload) == {"a": 1}


@pytest.mark.parametrize(
    "payload", [b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf{}", b"\xff\xfe{\0}\0"]
)
def test_read_object_of_a_mark_alone_or_of_another_encoding(payload: bytes) -> None:
    assert code_of(payload) == "not_json"


def test_json_limits_whole_surrogate_pair_is_read() -> None:
    assert read_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def test_json_limits_number_of_very_many_digits_is_refused() -> None:
    assert code_of(b'{"a":' + b"9" * 5000 + b"}") == "not_json"


@pytest.mark.parametrize("pattern", ['"', '\\"', '"\\', '[" ', "\\", '{"', '["\\\\', '"\\"'])
@pytest.mark.parametrize("end", ["", "\\"])
def test_json_limits_scan_takes_linear_time(pattern: str, end: str) -> None:
    # as many as make the scan look closely, and none too deep
    brackets = "[]" * (MAX_DEPTH + 1)
    payload = (brackets + pattern * MAX_PAYLOAD)[: MAX_PAYLOAD - 1] + end
    started = time.process_time()
    assert code_of(payload.encode()) in {"not_json", "too_deep"}
    # a quadratic scan takes minutes
    assert time.process_time() - started < 1


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


@given(st.dictionaries(st.text(), JSON, max_size=5), st.booleans())
def test_json_limits_every_object_within_the_limits_is_read_as_json_reads_it(
    value: dict[str, object], ascii_only: bool
) -> None:
    payload = json.dumps(value, ensure_ascii=ascii_only).encode()
    if _depth(value) > MAX_DEPTH:
        assert code_of(payload) == "too_deep"
    else:
        assert read_object(payload) == value


@given(
    st.binary(max_size=300)
    | st.text(alphabet='[]{}"\\:,1eE+-.NaItrufls \n', max_size=200).map(str.encode)
)
def test_json_limits_any_bytes_are_an_object_or_malformed(payload: bytes) -> None:
    try:
        outcome: object = read_object(payload)
    except MalformedMessage as error:
        outcome = error.code
    assert isinstance(outcome, dict) or outcome in {"too_deep", "not_json", "not_an_object"}


@given(st.text(max_size=500))
def test_json_limits_error_text_is_one_printable_line_of_limited_length(text: str) -> None:
    line = bounded(text)
    assert len(line) <= 200
    assert line.isprintable()


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(each) for each in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(each) for each in value), default=0)
    return 0
