"""For how long an output is on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.core.door.pulse import Pulse

SECONDS = st.floats(0.0, 10.0, allow_nan=False)
STEPS = st.lists(
    st.tuples(SECONDS, st.sampled_from(("on", "off", "look")), st.none() | SECONDS), max_size=60
)


@given(STEPS, st.floats(0.1, 5.0), st.floats(0.0, 2.0))
def test_pulse_is_never_on_for_longer_than_it_may(
    steps: list[tuple[float, str, float | None]], longest: float, rest: float
) -> None:
    pulse, now, since = Pulse(longest, rest), 0.0, 0.0
    for pause, what, seconds in steps:
        now += pause
        before = pulse.is_on
        # what its owner's timer has done by then
        if pulse.until is not None and pulse.until <= now:
            assert pulse.until - since <= longest + 1e-9
            pulse.expire(pulse.until)
            before = False
        if what == "on":
            rests = not before and pulse.ended is not None and now - pulse.ended < rest
            assert pulse.on(now, seconds) is not rests
            if pulse.is_on and not before:
                since = now
        elif what == "off":
            pulse.off(now)
            assert not pulse.is_on
        if pulse.is_on:
            assert pulse.until is not None
            assert now - 1e-9 <= pulse.until <= since + longest + 1e-9


def test_pulse_once_more_makes_it_no_shorter_and_not_longer_than_may_be() -> None:
    pulse = Pulse(5.0)
    pulse.on(0.0, 3.0)
    pulse.on(1.0, 1.0)
    assert pulse.until == 3.0
    pulse.on(2.5, 3.0)
    assert pulse.until == 5.0
    assert not pulse.expire(4.9)
    assert pulse.expire(5.0)
    assert not pulse.is_on


def test_pulse_without_an_end_stays() -> None:
    pulse = Pulse(None)
    pulse.on(0.0)
    assert (pulse.until, pulse.is_on) == (None, True)
    assert not pulse.expire(1e9)


def test_pulse_rests_after_it_was_on() -> None:
    pulse = Pulse(3.0, rest=0.5)
    assert pulse.on(0.0, 1.0)
    pulse.off(1.0)
    assert not pulse.on(1.4, 1.0)
    assert pulse.on(1.5, 1.0)
