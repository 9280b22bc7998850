"""Effects are frozen, complete in their union, and in the imperative."""

from __future__ import annotations

from typing import get_args

from agent.core.call import effects, notices
from tests.core.call.vocabulary import classes_of, is_frozen

VERBS = (
    "Explain",
    "Send",
    "Invite",
    "Create",
    "Apply",
    "Add",
    "Start",
    "Pause",
    "Resume",
    "Close",
    "Screen",
)


def test_effect_names_every_class_and_every_notice() -> None:
    assert set(get_args(effects.Effect)) == classes_of(effects) | classes_of(notices)


def test_effects_are_frozen_values() -> None:
    assert all(map(is_frozen, classes_of(effects)))


def test_effects_say_what_is_to_be_done() -> None:
    assert all(kind.__name__.startswith(VERBS) for kind in classes_of(effects))
