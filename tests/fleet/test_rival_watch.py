"""Connections that are ended again and again are no accident."""

from __future__ import annotations

from agent.fleet.rival_watch import RivalWatch


def after(*spans: tuple[float, float]) -> tuple[RivalWatch, float]:
    """Connections that lasted so long, each after such a pause."""
    watch, now = RivalWatch(), 1000.0
    for pause, lasted in spans:
        watch.told(now := now + pause, connected=True)
        watch.told(now := now + lasted, connected=False)
    return watch, now


def test_rival_watch_suspects_after_four_short_connections_in_a_minute() -> None:
    watch, now = after(*[(2.5, 2.5)] * 3)
    assert not watch.suspects(now)
    watch, now = after(*[(2.5, 2.5)] * 4)
    assert watch.suspects(now)


def test_rival_watch_is_calm_again_after_a_minute() -> None:
    watch, now = after(*[(2.5, 2.5)] * 4)
    watch.told(now + 3, connected=True)
    assert not watch.suspects(now + 61)


def test_rival_watch_of_a_broker_that_is_away_or_restarts_suspects_nobody() -> None:
    watch, now = after((2, 600), (2, 3600), (2, 120), (2, 16))
    assert not watch.suspects(now)
    for number in range(20):
        # attempts that never become connections
        watch.told(now + number, connected=False)
    assert not watch.suspects(now + 20)
