"""Views: what they may send, and what they become."""

from __future__ import annotations

import pytest

from agent.core.call.reasons import AudioDirection, Direction, Purpose
from agent.core.call.values import MediaGrant
from agent.core.call.viewing import Viewing

GRANT = MediaGrant(audio=AudioDirection.SEND, max_duration=60.0)


def test_viewing_talk_keeps_its_grant() -> None:
    viewing = Viewing()
    assert not viewing.looks
    assert viewing.narrow(GRANT, Direction.INCOMING) is GRANT


@pytest.mark.parametrize(
    ("direction", "narrowed"),
    [
        (
            Direction.INCOMING,
            MediaGrant(audio=AudioDirection.SEND, max_duration=60.0, receives=False),
        ),
        (
            Direction.OUTGOING,
            MediaGrant(audio=AudioDirection.SEND, max_duration=60.0, sends=False),
        ),
    ],
)
def test_viewing_view_goes_one_way(direction: Direction, narrowed: MediaGrant) -> None:
    viewing = Viewing(Purpose.VIEW)
    assert viewing.narrow(GRANT, direction) == narrowed
    assert viewing.narrow(narrowed, direction) == narrowed


def test_viewing_takes_the_line_from_the_moment_that_it_asks() -> None:
    viewing = Viewing(Purpose.VIEW)
    assert viewing.looks
    viewing.ask(1, GRANT)
    assert (viewing.looks, viewing.asks, viewing.purpose) == (False, True, Purpose.VIEW)
    viewing.refuse("busy", "no line is free")
    assert (viewing.looks, viewing.refusal) == (True, ("busy", "no line is free"))
    viewing.ask(2, GRANT)
    assert viewing.refusal is None
    viewing.become_talk()
    assert (viewing.looks, viewing.asks, viewing.purpose) == (False, False, Purpose.TALK)
