"""The columns of a call record, from whatever a device sends."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.fleet.call_row import BUCKETS, CallResult, bucket_of, call_row
from tests.fleet.samples import closed


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({}, CallResult.CONNECTED),
        ({"reason": "ice_timeout"}, CallResult.CONNECTED),
        ({"connectedAt": None, "reason": "rejected"}, CallResult.REFUSED),
        ({"connectedAt": None, "reason": "user_busy"}, CallResult.REFUSED),
        ({"connectedAt": None, "reason": "cancelled"}, CallResult.UNANSWERED),
        ({"connectedAt": None, "reason": "ice_failed"}, CallResult.FAILED),
        ({"connectedAt": None, "reason": "a_newer_word"}, CallResult.FAILED),
        (
            {"connectedAt": None, "reason": "answered_elsewhere", "answeredBy": "another"},
            CallResult.SUPERSEDED,
        ),
    ],
)
def test_call_row_result(fields: dict[str, Any], result: CallResult) -> None:
    assert call_row(closed(**fields)).result is result


def test_call_row_counts_an_unknown_reason_as_other() -> None:
    assert call_row(closed(reason="a_newer_word")).reason == "other"


def test_call_row_spans_are_seconds() -> None:
    facts = call_row(closed())
    assert (facts.time_to_response, facts.time_to_first_frame) == (0.04, 0.4)


@given(seconds=st.floats(min_value=0, max_value=1e6))
def test_bucket_of_a_span_holds_it(seconds: float) -> None:
    bucket = bucket_of(seconds)
    assert bucket == len(BUCKETS) or seconds <= BUCKETS[bucket]
    assert bucket == 0 or seconds > BUCKETS[bucket - 1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3)
    ),
    max_leaves=5,
)


@given(fields=st.dictionaries(st.sampled_from(sorted(closed())), JSON))
def test_call_row_of_wrong_types_are_unknown(fields: dict[str, Any]) -> None:
    for value in asdict(call_row(closed(**fields))).values():
        assert value is None or isinstance(value, str | int | float)
        assert not isinstance(value, str) or "\0" not in value
        assert isinstance(value, str) or value is None or abs(value) < 2**63
