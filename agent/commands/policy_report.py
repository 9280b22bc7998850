"""`callbox policy explain`: which rule decides, in words or as JSON."""

from __future__ import annotations

import json
from datetime import datetime

from agent.core.call.decision import Action
from agent.core.call.values import Invitation, MediaGrant
from agent.core.policy.durations import format_duration
from agent.core.policy.rate_limiter import CallHistory
from agent.core.policy.rules import Explanation, Policy


def explain_policy(
    policy: Policy,
    caller: str,
    at: datetime,
    *,
    signed: bool,
    as_json: bool,
    clock_is_set: bool = True,
) -> str:
    """What would happen if `caller` called at `at` (aware), as text."""
    invitation = Invitation("", caller, "", "", lifetime=30, signed=signed)
    explanation = policy.explain(
        invitation, at=at, history=CallHistory(), clock_is_set=clock_is_set
    )
    return _as_json(explanation) if as_json else _as_text(explanation, caller, at)


def _as_json(explanation: Explanation) -> str:
    decision = explanation.decision
    return json.dumps(
        {
            "action": decision.action,
            "rule": decision.rule,
            "reason": decision.reason,
            "maxDuration": decision.max_duration,
            "video": decision.grant.video,
            "audio": decision.grant.audio,
            "sharedBitrate": decision.grant.shared_bitrate,
            "iceServers": decision.grant.ice_servers,
            "override": explanation.override,
            "rules": [
                {
                    "name": rule.rule,
                    "matches": rule.matches,
                    "decides": rule.decides,
                    "checks": [{"holds": check.holds, "why": check.text} for check in rule.checks],
                }
                for rule in explanation.rules
            ],
        },
        indent=2,
    )


def _as_text(explanation: Explanation, caller: str, at: datetime) -> str:
    lines = [f"{caller} at {at.isoformat(timespec='minutes')}"]
    if explanation.override:
        lines.append(f"  {explanation.override}")
    for number, rule in enumerate(explanation.rules, start=1):
        mark = (
            "decides"
            if rule.decides
            else ("matches, but an earlier one decides" if rule.matches else "no match")
        )
        lines.append(f'  rule {number} "{rule.rule}": {mark}')
        lines += [f"    {'yes' if check.holds else 'no '}  {check.text}" for check in rule.checks]
    decision = explanation.decision
    by = f'by "{decision.rule}"' if decision.rule else "because no rule matches"
    words = f"{decision.action} {by}"
    if decision.reason:
        words += f", reason {decision.reason}"
    lines.append(words)
    if decision.action in (Action.ACCEPT, Action.RING):
        lines.append(f"  {_grant(decision.grant)}")
    return "\n".join(lines)


def _grant(grant: MediaGrant) -> str:
    """What the caller gets, by the names of the rule's keys."""
    given = {
        "video": str(grant.video).lower(),
        "audio": grant.audio,
        "shared_bitrate": grant.shared_bitrate,
        "ice_servers": str(grant.ice_servers).lower(),
        "max_duration": "none"
        if grant.max_duration is None
        else format_duration(grant.max_duration),
    }
    return ", ".join(f"{name} {value}" for name, value in given.items())
