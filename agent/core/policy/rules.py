"""Who may call, when, how often and with which media: ordered rules, the first that matches
decides.

No rule matches: rejected, `not_allowed`. A rule with `signed = true` that matches an invitation
without a valid signature rejects it with `signature` (PROTOCOL 7). Rules are pydantic models: a
file is judged as it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from agent.core.call.decision import Action, Decision
from agent.core.call.reasons import AudioDirection, SharedBitrate
from agent.core.call.values import Invitation, MediaGrant
from agent.core.policy.call_rate import CallRate
from agent.core.policy.duration_fields import Duration
from agent.core.policy.durations import format_duration
from agent.core.policy.known_callers import KnownCallers
from agent.core.policy.override import PolicyOverride
from agent.core.policy.rate_limiter import CallHistory
from agent.core.policy.rule_forms import (
    caller_pattern,
    reason_code,
    rule_name,
    somebody,
    zone_name,
)
from agent.core.policy.schedule import (
    Check,
    Days,
    Hours,
    check_schedule,
    check_unset_clock,
    parse_timezone,
)

NOT_ALLOWED = "not_allowed"
BUSY = "busy"
SIGNATURE = "signature"


class Rule(BaseModel):
    """One rule. It matches when everything that it names holds: callers, days, hours and rate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(rule_name)] = Field(
        description="What the rule is called in events, in the log, and when it is explained. "
        "Unique.",
    )
    callers: Annotated[
        tuple[Annotated[str, AfterValidator(caller_pattern)], ...], AfterValidator(somebody)
    ] = Field(
        default=("*",),
        description="uids that may match, upper and lower case distinct; * is any characters, "
        "? exactly one.",
    )
    days: Annotated[Days, BeforeValidator(Days.parse)] | None = Field(
        default=None,
        description='Days of the week: "mon", a range such as "mon-fri" or "sat-mon", "daily". '
        "Every day unless given.",
    )
    hours: Annotated[Hours, BeforeValidator(Hours.parse)] | None = Field(
        default=None,
        description="From HH:MM up to, not including, HH:MM. May pass midnight (22:00-06:00): "
        "the part after midnight belongs to the day on which it began. The whole day unless "
        "given. While the device's clock is not set (it boots in the past, until the network "
        "tells it the time) a rule with days or hours does not match if its action is accept or "
        "ring, and matches if it is reject or busy.",
    )
    timezone: Annotated[str, AfterValidator(zone_name)] | None = Field(
        default=None,
        description="The IANA zone of days and hours. The device's own unless given.",
    )
    rate: Annotated[CallRate, BeforeValidator(CallRate.parse)] | None = Field(
        default=None,
        description='Calls of one caller that this rule may decide: "3/h", "10/d", "5/30m" (at '
        "most 100). Once they are used up the next rules are asked.",
    )
    signed: bool = Field(
        default=False,
        description="Demand a signed invitation: one without is rejected as `signature`.",
    )
    action: Action = Field(
        description="accept: answer at once. ring: ask a person. reject: refuse. busy: refuse "
        "as busy."
    )
    reason: Annotated[str, AfterValidator(reason_code)] | None = Field(
        default=None,
        description="The short code that the caller is told, for reject (not_allowed unless "
        "given) and busy (busy).",
    )
    max_duration: Duration | None = Field(
        default=None, description='The call is ended after this long: "10m", "1h30m", or seconds.'
    )
    video: bool = Field(default=True, description="Whether the camera's picture may be sent.")
    audio: AudioDirection = Field(
        default=AudioDirection.BOTH,
        description="Which way sound may flow, seen from the device: both, send, receive or none.",
    )
    shared_bitrate: SharedBitrate = Field(
        default=SharedBitrate.FOLLOW,
        description="The encoder is one for all calls. follow: it goes down to what this call's "
        "network carries. ignore: it does not while a call is followed, and this one loses "
        "pictures where they are too many for it.",
    )

    ice_servers: bool = Field(
        default=False,
        description="Whether the caller may bring STUN and TURN servers, at global addresses.",
    )

    open: bool = Field(
        default=False,
        description="Whether who is let in may release doors, in the call and for 30 s after it; "
        "likewise whom the device calls, where this is the first rule that lets them in.",
    )

    @model_validator(mode="after")
    def _open_is_for_who_is_let_in(self) -> Self:
        if self.open and self.action not in (Action.ACCEPT, Action.RING):
            text = f"is only for accept and ring, not for {self.action.value}"
            raise PydanticCustomError("conflict", "{text}", {"key": "open", "text": text})
        return self

    @model_validator(mode="after")
    def _reason_is_for_refusals(self) -> Self:
        if self.reason is not None and self.action not in (Action.REJECT, Action.BUSY):
            raise PydanticCustomError(
                "conflict",
                "{text}",
                {"key": "reason", "text": f"{self.reason!r} is only for reject and busy"},
            )
        return self


def _names_are_unique(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    first: dict[str, int] = {}
    for number, rule in enumerate(rules, start=1):
        if first.setdefault(rule.name, number) != number:
            raise ValueError(
                f'rule {number} ("{rule.name}"): name: is already the name of rule '
                f"{first[rule.name]}"
            )
    return rules


Rules = Annotated[tuple[Rule, ...], AfterValidator(_names_are_unique)]


@dataclass(frozen=True, slots=True)
class RuleJudgment:
    """Whether one rule matches, and each of its conditions in words. `decides`: it is the first
    that does.
    """

    rule: str
    matches: bool
    decides: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and how it came about. `override` says in words that an override decided."""

    decision: Decision
    rules: tuple[RuleJudgment, ...]
    override: str | None = None


class Policy:
    """Ordered rules in a context: the device's time zone, the limit on every call (seconds), a
    passing override.
    """

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        *,
        timezone: tzinfo,
        max_duration: float | None = None,
        override: PolicyOverride | None = None,
    ) -> None:
        self.rules = _names_are_unique(tuple(rules))
        self.override = override
        self.known_callers = KnownCallers(*map(self._named_by, (Action.ACCEPT, Action.RING)))
        self._timezone = timezone
        self._max_duration = max_duration
        self._zones = {
            rule.timezone: parse_timezone(rule.timezone) for rule in self.rules if rule.timezone
        }

    def _named_by(self, action: Action) -> list[str]:
        return [each for rule in self.rules if rule.action is action for each in rule.callers]

    def overridden(self, override: PolicyOverride | None) -> Policy:
        """The same rules behind `override`, or behind none."""
        return Policy(
            self.rules, timezone=self._timezone, max_duration=self._max_duration, override=override
        )

    def decide(
        self,
        invitation: Invitation,
        *,
        at: datetime,
        history: CallHistory,
        clock_is_set: bool = True,
    ) -> Decision:
        """The decision at `at` (aware). Nothing is remembered: `history.record` is for whoever acts
        on it.
        """
        return self.explain(invitation, at=at, history=history, clock_is_set=clock_is_set).decision

    def explain(
        self,
        invitation: Invitation,
        *,
        at: datetime,
        history: CallHistory,
        clock_is_set: bool = True,
    ) -> Explanation:
        """The decision, and for each rule whether it matches and why."""
        if at.utcoffset() is None:
            raise ValueError("the time of a decision needs a time zone")
        overridden = self._overriding(at, clock_is_set=clock_is_set)
        judgments: list[RuleJudgment] = []
        decision: Decision | None = None
        for rule in self.rules:
            checks = tuple(self._checks(rule, invitation, at, history, clock_is_set=clock_is_set))
            matches = all(check.holds for check in checks)
            first = matches and decision is None
            if first:
                decision = self._decide(rule, invitation)
                if rule.signed and not invitation.signed:
                    # no override lifts what the rule demands
                    overridden = None
            decides = first and overridden is None
            judgments.append(
                RuleJudgment(
                    rule.name, matches, decides, checks + self._signature(rule, invitation)
                )
            )
        decision = decision or Decision(Action.REJECT, None, NOT_ALLOWED)
        if overridden is None:
            return Explanation(decision, tuple(judgments))
        return Explanation(overridden, tuple(judgments), self._override_in_words())

    def may_open(
        self, uid: str, *, at: datetime, history: CallHistory, clock_is_set: bool = True
    ) -> bool:
        """Whether the first rule that would let `uid` in now says `open` (PROTOCOL 3). Nobody has
        signed for it, so a rule that demands that opens nothing.
        """
        asked = Invitation(conversation="", caller=uid, party="", sdp="", lifetime=0.0)
        for rule in self.rules:
            if rule.action in (Action.ACCEPT, Action.RING):
                checks = self._checks(rule, asked, at, history, clock_is_set=clock_is_set)
                if all(check.holds for check in checks):
                    return rule.open and not rule.signed
        return False

    def _checks(
        self,
        rule: Rule,
        invitation: Invitation,
        at: datetime,
        history: CallHistory,
        *,
        clock_is_set: bool,
    ) -> list[Check]:
        zone = self._zones[rule.timezone] if rule.timezone else self._timezone
        if clock_is_set:
            schedule = check_schedule(at, zone, rule.days, rule.hours)
        else:
            keeps_out = rule.action in (Action.REJECT, Action.BUSY)
            schedule = check_unset_clock(at, rule.days, rule.hours, keeps_out=keeps_out)
        checks = [_check_caller(rule, invitation.caller), *schedule]
        if rule.rate is not None:
            checks.append(_check_rate(rule, rule.rate, invitation.caller, at, history))
        return checks

    def _decide(self, rule: Rule, invitation: Invitation) -> Decision:
        if rule.signed and not invitation.signed:
            return Decision(Action.REJECT, rule.name, SIGNATURE)
        if rule.action is Action.REJECT:
            return Decision(rule.action, rule.name, rule.reason or NOT_ALLOWED)
        if rule.action is Action.BUSY:
            return Decision(rule.action, rule.name, rule.reason or BUSY)
        limits = [limit for limit in (rule.max_duration, self._max_duration) if limit is not None]
        longest, shared = min(limits, default=None), rule.shared_bitrate
        grant = MediaGrant(
            rule.video, rule.audio, longest, shared, rule.ice_servers, open=rule.open
        )
        return Decision(rule.action, rule.name, None, grant)

    def _signature(self, rule: Rule, invitation: Invitation) -> tuple[Check, ...]:
        if not rule.signed:
            return ()
        words = (
            "the invitation is signed"
            if invitation.signed
            else "the invitation is not signed: it is rejected"
        )
        return (Check(invitation.signed, words),)

    def _overriding(self, at: datetime, *, clock_is_set: bool) -> Decision | None:
        if self.override is None or not self.override.applies(at, clock_is_set=clock_is_set):
            return None
        return self.override.decision(self._max_duration)

    def _override_in_words(self) -> str | None:
        return None if self.override is None else self.override.in_words()


def _check_caller(rule: Rule, caller: str) -> Check:
    # fnmatch would read [...] as a set; patterns have no brackets, so only * and ? are left.
    match = next((pattern for pattern in rule.callers if fnmatchcase(caller, pattern)), None)
    if match is not None:
        return Check(True, f"caller {caller!r} matches {match!r}")
    return Check(False, f"caller {caller!r} matches none of {', '.join(map(repr, rule.callers))}")


def _check_rate(
    rule: Rule, rate: CallRate, caller: str, at: datetime, history: CallHistory
) -> Check:
    used = history.count(rule.name, caller, at=at, window=rate.window)
    words = f"{used} of {rate.calls} calls within {format_duration(rate.window)} used"
    return Check(used < rate.calls, words)
