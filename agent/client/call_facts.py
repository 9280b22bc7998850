"""What a conversation is, read from the rules of its call."""

from __future__ import annotations

import logging

from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallStatus, Direction, Purpose
from agent.core.statistics.record_in_words import record_in_words
from agent.core.statistics.reports import CallRecord

logger = logging.getLogger(__name__)


class CallFacts:
    """Of one call, as its `rules` know it."""

    def __init__(self, rules: IncomingCall | OutgoingCall) -> None:
        self.rules = rules

    @property
    def id(self) -> str:
        """Its name for the application and in events, from the first moment to the last."""
        return self.rules.conversation

    @property
    def remote_uid(self) -> str:
        """Who is on the other side, as the signaling proved it; of several targets the one that was
        selected.
        """
        return self.rules.remote_uid

    @property
    def targets(self) -> tuple[str, ...]:
        """Everyone that an outgoing call invites."""
        return (
            tuple(target.uid for target in self.rules.targets)
            if isinstance(self.rules, OutgoingCall)
            else ()
        )

    @property
    def purpose(self) -> Purpose:
        """Whether it is a talk, or only looks."""
        return self.rules.viewing.purpose

    @property
    def direction(self) -> Direction:
        return self.rules.direction

    @property
    def state(self) -> State:
        return self.rules.state

    @property
    def invitation(self) -> ev.Invitation | None:
        return self.rules.invitation if isinstance(self.rules, IncomingCall) else None

    @property
    def via(self) -> str | None:
        """How the remote peer came, where not by MQTT: `whep` or `go2rtc`."""
        return self.invitation.via if self.invitation is not None else None

    @property
    def crosses(self) -> bool:
        """Whether it is an invitation that crossed a call of ours to the same uid, and is taken
        without asking (PROTOCOL 3).
        """
        return self.direction is Direction.INCOMING and self.rules.rival.crossing is not None

    @property
    def is_open(self) -> bool:
        """Whether it is an invitation that has not been answered."""
        return self.state in (State.INVITED, State.RINGING, State.CROSSING, State.ANSWERING)

    @property
    def taken_by(self) -> str | None:
        """Who answered in this side's place, once it is closed and where the inviter says so."""
        return self.rules.taken_by

    @property
    def call_status(self) -> CallStatus | None:
        """How the invitation was answered; None while it is open."""
        return self.rules.call_status

    def log_state(self, before: State, cause: str) -> None:
        """Tell the log where it has come from `before`, if it is elsewhere now."""
        if self.state is not before:
            words = "%s with %s: %s -> %s (%s)"
            logger.debug(words, self.id, self.remote_uid, before, self.state, cause)

    def log_end(self, record: CallRecord) -> None:
        """Tell the log how it was, in one line."""
        about = (self.id, self.remote_uid, record.reason, record.closed_by, record_in_words(record))
        logger.info("%s with %s closed: %s by %s after %s", *about)
