"""Inputs are frozen, complete in their union, and in the past tense."""

from __future__ import annotations

import re
from typing import get_args

from agent.core.call import inputs
from tests.core.call.vocabulary import classes_of, is_frozen

PAST = re.compile(
    r".*(Requested|Received|Ready|Found|Connected|Seen|Failed|Silent|Heard|Lost|TimedOut|"
    r"Delivered|Reached|Allowed|Denied)"
)


def test_input_names_every_class_of_the_module() -> None:
    assert set(get_args(inputs.Input)) == classes_of(inputs)


def test_inputs_are_frozen_values() -> None:
    assert all(map(is_frozen, classes_of(inputs)))


def test_inputs_say_what_happened() -> None:
    assert all(PAST.fullmatch(kind.__name__) for kind in classes_of(inputs))


def test_peer_event_is_what_names_a_transport() -> None:
    """Each says of which generation it comes; what the broker, or a rule, says of an offer is
    none.
    """
    messages = {inputs.OfferReceived, inputs.AnswerReceived, inputs.TalkAllowed, inputs.TalkDenied}
    of_a_transport = {
        kind for kind in classes_of(inputs) if "generation" in kind.__annotations__
    } - messages
    assert set(get_args(inputs.PeerEvent)) == of_a_transport
