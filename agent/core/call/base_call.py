"""What every state of a call needs: the step, the deadlines, the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agent.core.call import events as ev
from agent.core.call.call_media import CallMedia
from agent.core.call.candidates import Candidates
from agent.core.call.liveness import Liveness
from agent.core.call.machine import Outcome, Refused, State, Step, Table, Timing
from agent.core.call.reasons import CallStatus, CloseReason, Direction, Side
from agent.core.call.remote_peer import RemotePeer
from agent.core.call.renewals import Renewals
from agent.core.call.rival import Rival
from agent.core.call.viewing import Viewing


@dataclass(slots=True)
class Marks:
    """When each thing happened first: `time.monotonic()` seconds, None where it did not."""

    invited: float
    answered: float | None = None
    ice: float | None = None
    connected: float | None = None
    first_frame: float | None = None
    # it became a talk, after it had only looked
    talk: float | None = None
    ended: float | None = None


class Call:
    """One call with one remote peer. Use `IncomingCall` or `OutgoingCall`."""

    direction: ClassVar[Direction]
    TABLE: ClassVar[Table]

    def __init__(
        self,
        conversation: str,
        own_party: str,
        timing: Timing,
        state: State,
        now: float,
        *,
        remote: RemotePeer,
        media: CallMedia,
        deadline: float,
    ) -> None:
        """`deadline`: when `state` ends by itself."""
        self.conversation = conversation
        # its id on the wire; another one once the clock had to be corrected
        self.signaled_as = conversation
        self.own_party = own_party
        self.timing = timing
        self.state = state
        self.marks = Marks(invited=now)
        self.remote = remote
        self.media = media
        self.candidates = Candidates()
        self.liveness = Liveness()
        self.renewals = Renewals()
        self.rival = Rival()
        self.call_status: CallStatus | None = None
        self.rule: str | None = None
        self.closed: ev.Closed | None = None
        self.reconnects = 0
        # of the state: the invitation's end, the setup's, or that of the longest duration
        self.deadline: float | None = deadline

    @property
    def remote_uid(self) -> str:
        return self.remote.uid

    @property
    def viewing(self) -> Viewing:
        return self.media.viewing

    @property
    def looks(self) -> bool:
        """Whether it is a view, and takes no line."""
        return self.viewing.looks

    @property
    def grant(self) -> ev.MediaGrant:
        return self.media.grant

    @property
    def tracks(self) -> tuple[tuple[str, str], ...]:
        return self.media.tracks

    @property
    def current_generation(self) -> int:
        """Which transport carries the media."""
        return self.renewals.current

    @property
    def media_runs(self) -> bool:
        """Whether frames and sound may leave."""
        return self.state in (State.CONNECTING, State.ESTABLISHED, State.SILENT)

    @property
    def accepted(self) -> bool:
        """Whether it was ACCEPTED and is not over."""
        return self.media_runs or self.state is State.LOST

    @property
    def answered_by(self) -> str | None:
        """The conversation that has taken the place of this one, which is closed."""
        gave_way = self.closed is not None and self.closed.reason is CloseReason.ANSWERED_ELSEWHERE
        return self.rival.conversation if gave_way else None

    @property
    def taken_by(self) -> str | None:
        """Who answered in this side's place, where the inviter has said so."""
        gave_way = self.closed is not None and self.closed.reason is CloseReason.ANSWERED_ELSEWHERE
        return self.rival.taken_by if gave_way else None

    # -- the step ----------------------------------------------------------------------------------

    def handle(self, event: ev.Input, now: float) -> Outcome:
        """Take one input. Returns the effects, in order; or why it was refused."""
        found = self.TABLE.get(self.state, {}).get(type(event))
        if found is None:
            return Outcome([], f"{type(event).__name__} means nothing in state {self.state}")
        try:
            state, effects = found.action(self, event, now)
        except Refused as why:
            return Outcome([], str(why))
        if state not in found.leads_to(self.state):
            raise AssertionError(
                f"{self.state} + {type(event).__name__} led to {state}, which its row does not list"
            )
        self.state = state
        return Outcome(effects)

    def next_deadline(self) -> float | None:
        """When to call `handle(DeadlineReached(), now)`, in the clock of `now`. None: never."""
        times = [self.deadline, self.media.deadline, self.renewals.deadline]
        if self.state in (State.SILENT, State.LOST):
            times += [self.give_up_at(), self.renewals.retry_at]
        if self.state is State.SILENT:
            times.append(self.liveness.lose_at(self.timing))
        return min((time for time in times if time is not None), default=None)

    def give_up_at(self) -> float | None:
        """When a call ends over which nothing arrives; None while something does."""
        return self.liveness.give_up_at(self.timing, renewal_shared=self.renewals.shared)

    # -- what the tables share ---------------------------------------------------------------------

    def end(self, now: float, reason: CloseReason, by: Side, tell: list[ev.Effect]) -> Step:
        """Close: last words first, then every transport, then `Closed`."""
        effects = [*tell, *self.renewals.close_all()]
        self.deadline = None
        self.media.suspend()
        self.marks.ended = now
        self.closed = ev.Closed(reason, by)
        return State.CLOSED, [*effects, self.closed]

    def say_close(self, now: float, reason: CloseReason, by: Side = Side.LOCAL) -> Step:
        """Close, and tell the remote peer."""
        return self.end(now, reason, by, [ev.SendClose(self.remote.uid, reason)])

    def give_way(self, now: float, rival: str) -> Step:
        """Close, as `rival` takes its place, and tell the remote peer."""
        self.rival.conversation = rival
        return self.say_close(now, CloseReason.ANSWERED_ELSEWHERE)

    def create(self, effect: ev.CreateOffer | ev.CreateAnswer) -> ev.Effect:
        self.renewals.live.add(effect.generation)
        return effect

    def move_media(self) -> list[ev.Effect]:
        """The fresh transport is connected and takes the media over."""
        return [*self.renewals.connect()]

    def start_talk(self, now: float) -> list[ev.Effect]:
        """To be done once a fresh transport carries the media: a view whose it is talks now."""
        if self.viewing.generation != self.renewals.current:
            return []
        return self.become_talk(self.viewing.grant, now)

    def become_talk(self, grant: ev.MediaGrant, now: float) -> list[ev.Effect]:
        """It only looked, and talks from now on."""
        self.viewing.become_talk()
        self.media.grant = grant
        self.marks.talk = now
        before, self.deadline = self.deadline, self.longest(now)
        if self.viewing.listens and before is not None:
            # it may begin as often as it likes, and lasts no longer for that
            self.deadline = before if self.deadline is None else min(before, self.deadline)
        return [ev.TalkStarted(self.rule)]

    def abandon_talk(self) -> list[ev.Effect]:
        """The transport that would have made a talk of it is no more: it stays a view."""
        if not self.viewing.asks:
            return []
        code, message = "talk_failed", "the transport for the talk came to nothing"
        self.viewing.refuse(code, message)
        return [ev.ErrorRaised(code, message)]

    def longest(self, now: float) -> float | None:
        """When it ends because of its longest duration."""
        longest = self.media.grant.max_duration
        return None if longest is None else now + longest

    def start_connecting(self, now: float) -> None:
        self.marks.answered = now
        self.call_status = CallStatus.ACCEPTED
        self.deadline = now + self.timing.setup

    def require_due(self, now: float) -> None:
        deadline = self.next_deadline()
        if deadline is None or now < deadline:
            raise Refused("no deadline has passed")
