"""What holds for any order of silence and attempts."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.call import events as ev
from agent.core.call.base_call import Call
from agent.core.call.machine import State
from tests.core.call.calls import CALLER, PARTY, TIMING, established
from tests.examples import examples

UNHEARD = (State.SILENT, State.LOST)
GENERATIONS = st.integers(0, 4)
EVENTS: st.SearchStrategy[ev.Input] = st.one_of(
    st.builds(ev.PeerSilent, GENERATIONS, st.floats(0, 5)),
    st.builds(ev.PeerHeard, GENERATIONS),
    st.builds(ev.PeerLost, GENERATIONS, st.just(""), st.booleans()),
    st.builds(ev.PeerConnected, GENERATIONS),
    st.builds(ev.PeerFailed, GENERATIONS, st.just("c"), st.just("m")),
    st.builds(ev.DescriptionReady, GENERATIONS, st.just("sdp")),
    st.builds(ev.OfferReceived, st.just(CALLER), st.just(PARTY), GENERATIONS, st.just("sdp")),
    st.builds(ev.AnswerReceived, st.just(CALLER), st.just(PARTY), GENERATIONS, st.just("sdp")),
    st.builds(ev.CandidateReceived, st.just(CALLER), st.just(PARTY), st.none()),
    st.just(ev.RenewRequested()),
    st.just(ev.DeadlineReached()),
)
STEPS = st.lists(st.tuples(EVENTS, st.floats(0, 8)), max_size=50)


class Watch:
    """What must hold of a call that was established, after each input."""

    def __init__(self, call: Call, now: float) -> None:
        self.call = call
        # the transport that has the media, and whether it was lost
        self.carries, self.gone = 0, False
        self.flows = True
        self.began: dict[int, float] = {}
        self.renewals = self.ends = 0
        self.silent_since: float | None = None
        self.now = now

    def handle(self, event: ev.Input, now: float) -> None:
        call, before = self.call, self.call.state
        self.now = now
        effects = call.handle(event, now).effects
        for effect in effects:
            self._see(effect, closing=call.state is State.CLOSED)
        if call.state in UNHEARD:
            self.silent_since = now if before not in UNHEARD else self.silent_since
            deadline = call.next_deadline()
            assert deadline is not None
            assert self.silent_since is not None
            give_up = call.give_up_at()
            assert give_up is not None
            assert give_up <= self.silent_since + call.timing.hold
        for generation, began in self.began.items():
            assert now < began + call.timing.renewal or not isinstance(event, ev.DeadlineReached), (
                generation
            )
        assert self.renewals <= 2 * call.timing.max_renewals, "one of each side in a generation"
        assert self.ends == (call.state is State.CLOSED)
        if call.state is not State.CLOSED:
            assert self.flows == call.media_runs == (call.state is not State.LOST)
        if call.state is State.SILENT:
            lose_at = call.liveness.lose_at(call.timing)
            assert lose_at is not None
            assert now < lose_at or not isinstance(event, ev.DeadlineReached), "not lost in time"

    def _see(self, effect: ev.Effect, *, closing: bool) -> None:
        match effect:
            case ev.CreateOffer() | ev.CreateAnswer():
                self.renewals += 1
                self.began[effect.generation] = self.now
            case ev.StartMedia():
                self.carries, self.flows = effect.generation, True
                self.began.pop(effect.generation, None)
            case ev.ClosePeer():
                assert closing or effect.generation != self.carries, (
                    "media stops while there is nothing else"
                )
                self.began.pop(effect.generation, None)
            case ev.PauseMedia() | ev.ResumeMedia():
                assert effect.generation == self.carries
                assert self.flows is isinstance(effect, ev.PauseMedia), "once each"
                self.flows = not self.flows
            case ev.Closed():
                self.ends += 1


@given(STEPS, st.sampled_from([None, 30.0]), st.integers(0, 6))
@settings(max_examples=examples(300))
def test_silence_any_order_of_silence_and_attempts(
    steps: list[tuple[ev.Input, float]], longest: float | None, max_renewals: int
) -> None:
    call = established(now=0.0, grant=ev.MediaGrant(max_duration=longest))
    call.timing = replace(TIMING, max_renewals=max_renewals)
    watch = Watch(call, 0.0)
    now = 0.0
    for event, pause in steps:
        now = _pass(watch, now, now + pause)
        watch.handle(event, now)
    _pass(watch, now, now + 2 * TIMING.hold)
    assert call.state is State.CLOSED or (
        call.state is State.ESTABLISHED and call.next_deadline() is None
    )
    assert not watch.began


def _pass(watch: Watch, now: float, end: float) -> float:
    """Let time pass as a conversation does: each deadline is delivered when it is due."""
    for _ in range(200):
        deadline = watch.call.next_deadline()
        if deadline is None or deadline > end:
            return end
        watch.handle(ev.DeadlineReached(), max(now, deadline))
    raise AssertionError("deadlines that move nothing")
