"""Who has a line: a lost call leaves its own, and ends when somebody else takes it (PROTOCOL 3)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.call import events as ev
from agent.core.call.crossings import AnyCall
from agent.core.call.decision import NO_LINE_FREE, Action, Admission, Decision
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.reasons import CloseReason, Purpose
from agent.core.call.registry import CallRegistry
from agent.core.policy.rate_limiter import RateLimiter
from tests.core.call.calls import OWN, TIMING, feed, invitation
from tests.examples import examples

SILENT = ev.PeerSilent(0, 3.0)


class Lines:
    """A registry, driven as a client drives it; time stands still unless it is told to pass."""

    def __init__(self, lines: int = 1, viewers: int = 2) -> None:
        self.registry = CallRegistry(RateLimiter(), max_conversations=lines, max_viewers=viewers)
        self.now = 100.0
        self.replaced: list[str] = []
        self._number = 0

    def invited(self, action: Action, purpose: Purpose = Purpose.TALK) -> IncomingCall | None:
        """A call of somebody new; None where it is turned away."""
        self._number += 1
        number = self._number
        asked = invitation(conversation=f"c{number}", caller=f"caller-{number}", purpose=purpose)
        assert self.registry.admit(asked, self.now).admission is Admission.NEW
        ruling = self.registry.rule(asked, Decision(action))
        call = IncomingCall(asked, OWN, TIMING, self.now, ruling.decision)
        self.registry.add(call)
        call.start(self.now)
        self._forget_if_closed(call)
        return call if call.state is not State.CLOSED else None

    def handle(self, call: IncomingCall, event: ev.Input) -> None:
        before, looked = call.accepted, call.looks
        call.handle(event, self.now)
        self._forget_if_closed(call)
        if call.accepted and (not before or (looked and not call.looks)):
            lost = self.registry.displaced_by(call)
            if lost is not None:
                self.replaced.append(lost.conversation)
                feed(lost, ev.CloseRequested(CloseReason.REPLACED), now=self.now)
                self._forget_if_closed(lost)
        for crowded in self.registry.crowded_out():
            feed(crowded, NO_LINE_FREE.request, now=self.now)
            self._forget_if_closed(crowded)

    def connected(self, purpose: Purpose = Purpose.TALK) -> IncomingCall:
        call = self.invited(Action.ACCEPT, purpose)
        assert call is not None
        self.handle(call, ev.DescriptionReady(0, "answer"))
        self.handle(call, ev.PeerConnected(0))
        return call

    def lose(self, call: IncomingCall) -> None:
        self.handle(call, SILENT)
        self.wait(TIMING.lost)
        assert call.state is State.LOST

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            due = [
                (at, call)
                for call in self.registry.calls.values()
                if (at := call.next_deadline()) is not None and at <= end
            ]
            if not due:
                break
            self.now, call = min(due, key=lambda entry: entry[0])
            assert isinstance(call, IncomingCall)
            self.handle(call, ev.DeadlineReached())
        self.now = end

    def _forget_if_closed(self, call: AnyCall) -> None:
        if call.state is State.CLOSED:
            self.registry.remove(call, self.now)


def test_registry_lost_call_does_not_make_busy() -> None:
    lines = Lines()
    call = lines.connected()
    assert lines.registry.busy
    lines.lose(call)
    assert not lines.registry.busy
    lines.handle(call, ev.PeerHeard(0))
    assert lines.registry.busy


def test_registry_lost_call_ends_when_its_line_is_taken() -> None:
    lines = Lines()
    first = lines.connected()
    lines.lose(first)
    second = lines.invited(Action.RING)
    assert second is not None
    lines.handle(second, ev.AcceptRequested())
    assert lines.replaced == []
    lines.handle(second, ev.DescriptionReady(0, "answer"))
    assert lines.replaced == [first.conversation]
    assert list(lines.registry.calls.values()) == [second]


def test_registry_lost_longest_ends_first() -> None:
    lines = Lines(2)
    first, second = lines.connected(), lines.connected()
    lines.lose(second)
    lines.lose(first)
    third = lines.connected()
    assert lines.replaced == [second.conversation]
    assert set(lines.registry.calls.values()) == {first, third}


def test_registry_lost_call_keeps_its_place_while_a_line_is_free() -> None:
    lines = Lines(2)
    lines.lose(lines.connected())
    lines.connected()
    assert lines.replaced == []


def test_registry_view_takes_no_line() -> None:
    lines = Lines(viewers=1)
    lines.connected(Purpose.VIEW)
    assert not lines.registry.busy
    lines.connected()
    assert lines.registry.busy
    assert lines.invited(Action.ACCEPT, Purpose.VIEW) is None
    assert lines.invited(Action.RING, Purpose.VIEW) is None


def test_registry_view_that_rings_ends_when_the_last_place_is_taken() -> None:
    """And goes on ringing when the last line is."""
    lines = Lines(viewers=1)
    rings = lines.invited(Action.RING, Purpose.VIEW)
    assert rings is not None
    lines.connected()
    assert lines.registry.crowded_out() == []
    assert rings in lines.registry.calls.values()
    lines.connected(Purpose.VIEW)
    assert rings not in lines.registry.calls.values()


def test_registry_lost_view_gives_its_place_to_a_view_alone() -> None:
    lines = Lines(viewers=1)
    view = lines.connected(Purpose.VIEW)
    lines.lose(view)
    lines.connected()
    assert lines.replaced == []
    lines.connected(Purpose.VIEW)
    assert lines.replaced == [view.conversation]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("accept", "ring", "view", "answer", "talk", "connect"),
                *("silent", "heard", "lost", "left", "pass"),
            ]
        ),
        st.integers(0, 3),
        st.sampled_from([0.1, 3.0, 9.0, 40.0]),
    ),
    max_size=60,
)


@given(st.integers(1, 3), ACTS)
@settings(max_examples=examples(300))
def test_registry_never_accepts_more_than_it_has_lines(
    count: int, acts: list[tuple[str, int, float]]
) -> None:
    """In any order, and whoever lives again; only a lost call, or one that was, is replaced."""
    lines = Lines(count)
    events: dict[str, ev.Input] = {
        "silent": SILENT,
        "heard": ev.PeerHeard(0),
        "lost": ev.PeerLost(0),
        "left": ev.PeerLost(0, closed=True),
    }
    for act, which, pause in acts:
        calls = [each for each in lines.registry.calls.values() if isinstance(each, IncomingCall)]
        if act in ("accept", "ring"):
            lines.invited(Action(act))
        elif act == "view":
            lines.invited(Action.ACCEPT if which else Action.RING, Purpose.VIEW)
        elif act == "pass":
            lines.wait(pause)
        elif which < len(calls):
            _act(lines, calls[which], act, events)
        accepted = [call for call in lines.registry.calls.values() if call.accepted]
        assert sum(not call.looks for call in accepted) <= count
        assert sum(call.looks for call in accepted) <= lines.registry.max_viewers


def _offer_sound(lines: Lines, call: IncomingCall) -> None:
    """As a client does: judged and carried out at once."""
    generation = max(call.renewals.newest, call.renewals.newest_of_theirs) + 1
    sender = (call.remote_uid, call.remote.party or "")
    offer = ev.OfferReceived(*sender, generation, "sdp", sends_sound=True)
    effects = call.handle(offer, lines.now).effects
    if any(isinstance(effect, ev.ScreenTalk) for effect in effects):
        decision = lines.registry.decide(Decision(Action.ACCEPT))
        assert decision is not None
        lines.handle(call, decision.about_talk(generation, "sdp"))


def _act(lines: Lines, call: IncomingCall, act: str, events: dict[str, ev.Input]) -> None:
    if act == "talk":
        _offer_sound(lines, call)
        return
    if act == "connect":
        lines.handle(call, ev.PeerConnected(call.renewals.generation or 0))
        return
    if act != "answer":
        lines.handle(call, events[act])
        return
    for event in (ev.AcceptRequested(), ev.DescriptionReady(0, "answer"), ev.PeerConnected(0)):
        lines.handle(call, event)
