"""`callbox policy explain`, as people and programs read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from agent.commands.policy_report import explain_policy
from agent.core.policy.rules import Policy, Rule

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
POLICY = Policy(
    (
        Rule.model_validate(
            {
                "name": "guests",
                "callers": ["guest-*"],
                "action": "accept",
                "shared_bitrate": "ignore",
                "audio": "receive",
            }
        ),
        Rule.model_validate({"name": "others", "action": "reject"}),
    ),
    timezone=UTC,
    max_duration=600.0,
)


def test_what_is_granted_is_told_to_people() -> None:
    text = explain_policy(POLICY, "guest-1", NOON, signed=False, as_json=False)
    assert text.splitlines()[-2:] == [
        'accept by "guests"',
        "  video true, audio receive, shared_bitrate ignore, ice_servers false, max_duration 10m",
    ]


def test_a_refusal_grants_nothing() -> None:
    text = explain_policy(POLICY, "front-desk", NOON, signed=False, as_json=False)
    assert text.splitlines()[-1] == 'reject by "others", reason not_allowed'


def test_what_is_granted_is_told_to_programs() -> None:
    report = json.loads(explain_policy(POLICY, "guest-1", NOON, signed=False, as_json=True))
    granted = {
        name: report[name] for name in ("action", "video", "audio", "sharedBitrate", "maxDuration")
    }
    assert granted == {
        "action": "accept",
        "video": True,
        "audio": "receive",
        "sharedBitrate": "ignore",
        "maxDuration": 600.0,
    }
