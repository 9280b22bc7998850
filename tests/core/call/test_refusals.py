"""Whose a refusal is (PROTOCOL 3)."""

from __future__ import annotations

import pytest

from agent.core.call.reasons import CallStatus
from agent.core.call.refusals import speaks_for_uid


@pytest.mark.parametrize("reason", [None, "rejected", "declined"])
def test_a_person_refuses_for_the_whole_uid(reason: str | None) -> None:
    assert speaks_for_uid(CallStatus.REJECTED, reason)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (CallStatus.REJECTED, "not_allowed"),
        (CallStatus.REJECTED, "unusable_sdp"),
        (CallStatus.BUSY, None),
        (CallStatus.TIMEOUT, None),
    ],
)
def test_any_other_refusal_is_of_one_party(status: CallStatus, reason: str | None) -> None:
    assert not speaks_for_uid(status, reason)
