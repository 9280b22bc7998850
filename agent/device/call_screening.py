"""Who gets in: the policy of a device, with the clock and the memory of calls that it needs.

Calls ask it through `RingScreening` (previews, quiet hours) and `PullScreening` (HTTP).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from agent.core.call.decision import Action, Decision, Line
from agent.core.call.reasons import CloseReason
from agent.core.call.values import Invitation
from agent.core.policy.known_callers import KnownCallers
from agent.core.policy.override import PolicyOverride
from agent.core.policy.rate_limiter import CallHistory
from agent.core.policy.rules import Policy
from agent.device.clock_watch import is_set

logger = logging.getLogger(__name__)


class PolicyScreening:
    """Decides by `policy`; see `agent.ports.CallScreening`. `now` is the time of day in Unix
    seconds.
    """

    def __init__(self, policy: Policy, now: Callable[[], float]) -> None:
        self._policy = policy
        self._now = now
        self._history = CallHistory()
        # camera and microphone are closed: nobody gets in, whatever the rules say
        self.privacy = False

    def known_callers(self) -> KnownCallers:
        return self._policy.known_callers

    @property
    def policy_override(self) -> PolicyOverride | None:
        return self._policy.override

    def replace_policy(self, policy: Policy) -> None:
        """New rules; an override that was set by command stays."""
        self._policy = policy.overridden(self._policy.override)

    def override(self, override: PolicyOverride | None) -> None:
        self._policy = self._policy.overridden(override)

    def admit(self, invitation: Invitation, *, line: Line) -> Decision:
        """Decide, and remember what counts against a rule's rate: who hears busy because no line is
        free has not used it up.
        """
        now = self._now()
        at = datetime.fromtimestamp(now, UTC)
        decision = self._policy.decide(
            invitation, at=at, history=self._history, clock_is_set=is_set(now)
        )
        if self.privacy:
            decision = Decision(Action.REJECT, decision.rule, CloseReason.PRIVACY_MODE.value)
        logger.info(
            "%s: %s by %s",
            invitation.caller,
            decision.action,
            decision.rule or "no rule",
            extra={
                "CALLBOX_CONVERSATION": invitation.conversation,
                "CALLBOX_REMOTE_UID": invitation.caller,
            },
        )
        if line.admits(decision) or not decision.lets_in:
            # at once, or an invitation of the same breath would find the rate unused
            self._history.record(decision.rule, invitation.caller, at)
        return decision

    def may_open(self, uid: str) -> bool:
        """Whether the rules let `uid` release doors at this moment."""
        now = self._now()
        at = datetime.fromtimestamp(now, UTC)
        return self._policy.may_open(uid, at=at, history=self._history, clock_is_set=is_set(now))
