"""What a conversation is, read from the rules of its call."""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallStatus, Direction, Purpose


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
    def call_status(self) -> CallStatus | None:
        """How the invitation was answered; None while it is open."""
        return self.rules.call_status
