"""Parties that call each other over a network which takes its time, without a clock that runs."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from agent.core.call import events as ev
from agent.core.call.crossings import AnyCall, FollowUp
from agent.core.call.decision import Admission, Decision
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallStatus
from agent.core.call.registry import CallRegistry
from agent.core.policy.rate_limiter import RateLimiter
from tests.core.call.calls import TIMING

Decide = Callable[[ev.Invitation], Decision | None]


class Network:
    """Carries messages between parties, each `delay()` seconds later: in the order of each
    sender, or in any.
    """

    def __init__(self, delays: Iterable[float], *, ordered: bool = True) -> None:
        self.now = 0.0
        self.parties: dict[str, SimulatedParty] = {}
        self._delays = itertools.cycle(delays)
        self._ordered = ordered
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._last: dict[tuple[str, str], float] = {}

    def delay(self) -> float:
        return next(self._delays)

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (when, next(self._order), action))

    def carry(self, sender: str, to: str, deliver: Callable[[SimulatedParty], None]) -> None:
        when = self.now + self.delay()
        if self._ordered:
            when = self._last[sender, to] = max(when, self._last.get((sender, to), 0.0))
        if to in self.parties:
            self.at(when, lambda: deliver(self.parties[to]))

    def run(self, until: float) -> None:
        """Whatever happens by then."""
        while True:
            due = [(at, party) for party in self.parties.values() if (at := party.due) is not None]
            first = min(due, key=lambda each: each[0], default=None)
            message = self._agenda[0][0] if self._agenda else None
            times = [time for time in (first and first[0], message) if time is not None]
            if not times or min(times) > until:
                break
            self.now = max(self.now, min(times))
            if first is not None and (message is None or first[0] < message):
                first[1].expire()
            else:
                heapq.heappop(self._agenda)[2]()
        self.now = until


@dataclass(eq=False)
class SimulatedParty:
    """One client of `uid`, driven as the shells drive theirs. `answers`: whether it reads what
    others send it at all.
    """

    network: Network
    uid: str
    decide: Decide = lambda _: None
    lines: int = 1
    deaf_to_invitations: bool = False
    calls: list[AnyCall] = field(default_factory=list)
    most_accepted: int = 0

    def __post_init__(self) -> None:
        self.registry = CallRegistry(RateLimiter(), max_conversations=self.lines)
        self.network.parties[self.uid] = self

    @property
    def due(self) -> float | None:
        times = [call.next_deadline() for call in self.registry.calls.values()]
        return min((time for time in times if time is not None), default=None)

    @property
    def established(self) -> list[AnyCall]:
        return [call for call in self.calls if call.state is State.ESTABLISHED]

    def call(self, to: str | list[str], conversation: str) -> OutgoingCall:
        targets = [to] if isinstance(to, str) else to
        call = OutgoingCall(conversation, self.uid, targets, TIMING, self.network.now)
        self._begin(call, None)
        return call

    def expire(self) -> None:
        now = self.network.now
        for call in tuple(self.registry.calls.values()):
            due = call.next_deadline()
            if due is not None and due <= now:
                self.give(call, ev.DeadlineReached())

    def give(self, call: AnyCall, event: ev.Input) -> str | None:
        """Hand in one input, and all that follows. Returns why it was refused."""
        effects, refused = call.handle(event, self.network.now)
        if refused is None:
            self._perform(call, effects)
            if call.state is State.CLOSED:
                self.registry.remove(call, self.network.now)
            self._follow(self.registry.follow(call))
            accepted = [
                each for each in self.calls if each.accepted and each.state is not State.LOST
            ]
            self.most_accepted = max(self.most_accepted, len(accepted))
        return refused

    def take(self, sender: str, conversation: str, event: ev.Input) -> None:
        """A message of `sender`."""
        call = self.registry.calls.get(conversation)
        if call is not None:
            instead = self.registry.defer(call, event)
            if instead is None:
                self.give(call, event)
            else:
                self._follow(instead)
        elif isinstance(event, ev.CloseReceived):
            self.registry.unknown_close(conversation, sender, self.network.now)
        elif isinstance(event, ev.ResponseReceived | ev.RingingReceived):
            for effect in self.registry.unknown_response(conversation, event):
                self._send(sender, conversation, effect)

    def invited(self, invitation: ev.Invitation) -> None:
        if self.deaf_to_invitations:
            return
        result = self.registry.admit(invitation, self.network.now)
        if result.admission is not Admission.NEW:
            for effect in result.effects:
                self._send(invitation.caller, invitation.conversation, effect)
            return
        ruling = self.registry.rule(invitation, self.decide(invitation))
        call = IncomingCall(
            invitation, self.uid, TIMING, self.network.now, ruling.decision, ruling.crossing
        )
        self._begin(call, ruling.own)

    def _begin(self, call: AnyCall, own: OutgoingCall | None) -> None:
        self.calls.append(call)
        follow_ups = self.registry.add(call, own)
        self._perform(call, call.start(self.network.now))
        if call.state is State.CLOSED:
            self.registry.remove(call, self.network.now)
        self._follow(self.registry.follow(call) + follow_ups)

    def _follow(self, follow_ups: list[FollowUp]) -> None:
        for call, event in follow_ups:
            self._hear(call, event)

    def _perform(self, call: AnyCall, effects: list[ev.Effect]) -> None:
        for effect in effects:
            if isinstance(effect, ev.CreateOffer | ev.CreateAnswer):
                ready = ev.DescriptionReady(effect.generation, f"by {self.uid}")
                self._later(call, ready)
            elif isinstance(effect, ev.ApplyAnswer):
                self._later(call, ev.PeerConnected(0))
                self._connect_there(call)
            else:
                to = getattr(effect, "to", call.remote_uid)
                self._send(to, call.signaled_as, effect)

    def _later(self, call: AnyCall, event: ev.Input) -> None:
        self.network.at(self.network.now + self.network.delay(), lambda: self._hear(call, event))

    def _hear(self, call: AnyCall, event: ev.Input) -> None:
        if call.state is not State.CLOSED:
            self.give(call, event)

    def _connect_there(self, call: AnyCall) -> None:
        there = self.network.parties.get(call.remote_uid)
        for each in there.calls if there else ():
            if each.signaled_as == call.signaled_as and there:
                there._later(each, ev.PeerConnected(0))

    def _send(self, to: str, conversation: str, effect: ev.Effect) -> None:
        uid, carry = self.uid, self.network.carry
        match effect:
            case ev.SendInvite():
                invitation = ev.Invitation(conversation, uid, uid, effect.sdp, effect.lifetime, 0.0)
                carry(uid, to, lambda party: party.invited(invitation))
                return
            case ev.SendRinging():
                said: ev.Input = ev.RingingReceived(uid, uid, effect.expires_in)
            case ev.SendResponse():
                said = ev.ResponseReceived(uid, uid, effect.status, effect.reason, effect.sdp)
            case ev.SendSelect():
                said = ev.SelectReceived(uid, uid, effect.selected)
            case ev.SendClose():
                said = ev.CloseReceived(uid, uid, effect.reason)
            case _:
                return
        carry(uid, to, lambda party: party.take(uid, conversation, said))


def statuses(call: AnyCall) -> tuple[CallStatus | None, str | None]:
    """How it was answered, and what took its place."""
    return call.call_status, call.answered_by
