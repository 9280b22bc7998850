"""Who gets in, beside the policy's rules: previews for whom the device rings (PROTOCOL 3), hours in
which nobody may ring here, and a shorter ring for whoever repeats it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.core.call.decision import Action, Decision, Line
from agent.core.call.notices import InvitationAnswered
from agent.core.call.reasons import CallStatus, CloseReason, Direction, Purpose
from agent.core.call.values import Invitation
from agent.core.policy.known_callers import KnownCallers
from agent.core.policy.schedule import Hours, check_schedule
from agent.core.ring.ring_patience import RingPatience
from agent.device.clock_watch import is_set
from agent.device.doorbell import Doorbell
from agent.ports import CallScreening

ACCEPTED = CallStatus.ACCEPTED
PREVIEW = "preview"
DO_NOT_DISTURB = "do_not_disturb"


class RingScreening:
    """Asks `rules` first. `quiet` are the hours in which nobody may ring here, in `zone`; `now` is
    the time of day in Unix seconds.
    """

    def __init__(
        self,
        rules: CallScreening,
        quiet: Hours | None,
        zone: tzinfo,
        now: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._quiet = quiet
        self._zone = zone
        self._now = now
        self._monotonic = monotonic
        self._patience = RingPatience()
        self._doorbell: Doorbell | None = None

    def known_callers(self) -> KnownCallers:
        return self._rules.known_callers()

    def allow_previews(self, doorbell: Doorbell, client: CallClient) -> None:
        """From now on whom `doorbell` rings may look while it rings, and no longer."""
        self._doorbell = doorbell

        def end() -> None:
            for each in tuple(client.conversations.values()):
                over = each.remote_uid not in doorbell.ringing
                if over and each.rules.rule == PREVIEW and each.purpose is Purpose.VIEW:
                    each.hang_up(CloseReason.ANSWERED_ELSEWHERE)

        doorbell.on_change(end)

    def admit(self, invitation: Invitation, *, line: Line) -> Decision:
        decision = self._rules.admit(invitation, line=line)
        if decision.action is not Action.ACCEPT and self._may_preview(invitation, decision):
            return Decision(Action.ACCEPT, PREVIEW)
        if decision.action is Action.RING and self._is_quiet():
            return Decision(Action.REJECT, decision.rule, DO_NOT_DISTURB)
        if decision.action is Action.RING and line is Line.FREE:
            ring_time = self._patience.ring(invitation.caller, self._monotonic())
            return replace(decision, ring_time=ring_time)
        return decision

    def answered(self, call: Conversation, _name: str, event: object) -> None:
        """An event of a call: whom somebody here has answered does not ring in vain."""
        accepted = isinstance(event, InvitationAnswered) and event.call_status is ACCEPTED
        if accepted and call.direction is Direction.INCOMING:
            self._patience.taken(call.remote_uid)

    def _may_preview(self, invitation: Invitation, decision: Decision) -> bool:
        private = decision.reason == CloseReason.PRIVACY_MODE.value
        looks = invitation.purpose is Purpose.VIEW and self._doorbell is not None
        return looks and not private and invitation.caller in self._ringing()

    def _ringing(self) -> tuple[str, ...]:
        return () if self._doorbell is None else self._doorbell.ringing

    def _is_quiet(self) -> bool:
        now = self._now()
        if self._quiet is None or not is_set(now):
            return False
        at = datetime.fromtimestamp(now, UTC)
        return all(each.holds for each in check_schedule(at, self._zone, None, self._quiet))
