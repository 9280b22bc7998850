"""Whose a refusal is."""

from __future__ import annotations

from agent.core.call.reasons import CallStatus

# the reasons of a REJECTED that a person has given
REFUSALS_OF_A_PERSON = (None, "rejected", "declined")


def speaks_for_uid(status: CallStatus, reason: str | None) -> bool:
    """Whether a refusal is a person's, and so one of the whole uid; any other is of one party alone
    (PROTOCOL 3).
    """
    return status is CallStatus.REJECTED and reason in REFUSALS_OF_A_PERSON
