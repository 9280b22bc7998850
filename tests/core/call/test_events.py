"""`ev.` has every word of a call, and each one once."""

from __future__ import annotations

from agent.core.call import effects, events, inputs, notices, values
from tests.core.call.vocabulary import classes_of

MODULES = (inputs, effects, notices, values)


def test_events_has_every_word_of_its_modules() -> None:
    for module in MODULES:
        for kind in classes_of(module):
            assert getattr(events, kind.__name__) is kind
    assert events.Input is inputs.Input
    assert events.Effect is effects.Effect


def test_events_has_no_name_twice() -> None:
    names = [kind.__name__ for module in MODULES for kind in classes_of(module)]
    assert len(names) == len(set(names))
