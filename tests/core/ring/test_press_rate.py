"""How often a button rings."""

from __future__ import annotations

from agent.core.ring.press_rate import ONE_VISIT, TELL_EVERY, Judged, Judgement, PressRate


def test_presses_within_five_seconds_are_one() -> None:
    rate = PressRate(6, 60.0)
    assert rate.press(0.0) == Judged(Judgement.RINGS)
    assert rate.press(ONE_VISIT - 0.1) == Judged(Judgement.REPEATED)
    assert rate.press(ONE_VISIT) == Judged(Judgement.RINGS)


def test_presses_beyond_the_rate_are_told_once_a_minute_with_their_number() -> None:
    rate = PressRate(2, 600.0)
    outcomes = [rate.press(10.0 * n) for n in range(9)]
    assert [each.judgement for each in outcomes] == [Judgement.RINGS] * 2 + [Judgement.TOO_MANY] * 7
    assert [each.count for each in outcomes] == [0, 0, 1, 0, 0, 0, 0, 0, 6]


def test_presses_beyond_the_rate_are_told_when_no_other_comes() -> None:
    rate = PressRate(1, 600.0)
    for at in (0.0, 10.0, 20.0, 30.0):
        rate.press(at)
    assert rate.next_deadline() == 10.0 + TELL_EVERY
    assert rate.advance(10.0 + TELL_EVERY) == 2
    assert rate.next_deadline() is None


def test_rate_is_of_a_window_that_moves() -> None:
    rate = PressRate(2, 60.0)
    outcomes = [rate.press(at).judgement for at in (0.0, 30.0, 50.0, 60.0, 80.0, 90.0)]
    rings, many = Judgement.RINGS, Judgement.TOO_MANY
    assert outcomes == [rings, rings, many, rings, many, rings]
