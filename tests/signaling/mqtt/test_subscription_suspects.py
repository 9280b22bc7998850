"""Which subscription a broker ends the connection for."""

from __future__ import annotations

from agent.signaling.mqtt.subscription_suspects import (
    CUT,
    MAX_LOSSES,
    RETRY,
    UNANSWERED,
    SubscriptionSuspects,
)

ALL = ("a/+", "b/+", "c/+")


def test_subscription_suspects_one_by_one_after_losses_behind_all() -> None:
    suspects = SubscriptionSuspects()
    for number in range(MAX_LOSSES):
        assert not suspects.one_by_one
        suspects.begin(ALL, number)
        suspects.lost(ALL, number)
    assert suspects.one_by_one


def test_subscription_suspects_leave_out_the_one_that_it_is() -> None:
    suspects = SubscriptionSuspects()
    suspects.one_by_one = True
    for _ in range(MAX_LOSSES):
        assert suspects.begin(ALL, 0.0) == {}
        suspects.answered("a/+")
        suspects.lost(["b/+"], 1.0)
    assert suspects.begin(ALL, 2.0) == {"b/+": CUT}
    suspects.all_answered()
    assert not suspects.one_by_one
    # once in a while it is tried, where it cannot be mistaken
    assert suspects.begin(ALL, 1.0 + RETRY) == {}
    assert suspects.one_by_one
    suspects.lost(["b/+"], 700.0)
    assert suspects.begin(ALL, 701.0) == {"b/+": CUT}


def test_subscription_suspects_answered_is_in_order() -> None:
    suspects = SubscriptionSuspects()
    suspects.one_by_one = True
    for number in range(2 * MAX_LOSSES):
        suspects.lost(["b/+"], number)
        suspects.answered("b/+")
    assert suspects.begin(ALL, 9.0) == {}


def test_subscription_suspects_unanswered_is_left_out_with_the_reason() -> None:
    suspects = SubscriptionSuspects()
    suspects.timed_out()
    assert suspects.one_by_one
    suspects.unanswered("c/+", 1.0)
    assert suspects.begin(ALL, 2.0) == {"c/+": UNANSWERED}


def test_subscription_suspects_loss_behind_nothing_means_nothing() -> None:
    suspects = SubscriptionSuspects()
    suspects.one_by_one = True
    for _ in range(2 * MAX_LOSSES):
        suspects.lost([], 0.0)
    assert suspects.begin(ALL, 1.0) == {}
