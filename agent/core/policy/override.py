"""What an operator puts in place of the rules, for a while."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from agent.core.call.decision import Action, Decision
from agent.core.call.values import MediaGrant

# what stands as the rule's name while an override decides
OVERRIDE = "override"
_NOT_ALLOWED = "not_allowed"


class PolicyOverride(BaseModel):
    """One action for every caller, in place of the rules, until a moment (aware) or until it is
    taken back.

    It lifts neither the signature that the matching rule demands nor the limits of every call.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal[Action.ACCEPT, Action.REJECT, Action.RING]
    until: datetime | None = None

    def active(self, now: datetime) -> bool:
        return self.until is None or now < self.until

    def applies(self, now: datetime, *, clock_is_set: bool) -> bool:
        """While nobody knows the time nobody knows whether it is over: then it lets nobody in."""
        return self.active(now) and (clock_is_set or self.action is Action.REJECT)

    def decision(self, max_duration: float | None) -> Decision:
        """`max_duration` is the limit on every call, in seconds."""
        if self.action is Action.REJECT:
            return Decision(Action.REJECT, OVERRIDE, _NOT_ALLOWED)
        return Decision(self.action, OVERRIDE, None, MediaGrant(max_duration=max_duration))

    def in_words(self) -> str:
        until = f"until {self.until.isoformat()}" if self.until else "until it is taken back"
        return f"overridden: {self.action.value} every call {until}"

    @model_validator(mode="after")
    def _until_is_aware(self) -> Self:
        if self.until is not None and self.until.utcoffset() is None:
            raise ValueError(f"until: {self.until.isoformat()!r} has no time zone")
        return self
