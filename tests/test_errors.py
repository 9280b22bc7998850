"""Every exception that is raised on purpose, in one tree."""

from __future__ import annotations

import inspect

import pytest

import agent.errors
from agent.errors import CallboxError, CallError, ConfigurationError, MalformedMessage

CLASSES = [
    each
    for _, each in inspect.getmembers(agent.errors, inspect.isclass)
    if each.__module__ == agent.errors.__name__
]


@pytest.mark.parametrize("error", CLASSES, ids=lambda each: each.__name__)
def test_error_stands_in_the_tree_and_in_its_drawing(error: type[Exception]) -> None:
    assert issubclass(error, CallboxError)
    assert error.__name__ in (agent.errors.__doc__ or "")


def test_configuration_error_says_every_fault() -> None:
    error = ConfigurationError(["a is wrong", "b is wrong"])
    assert str(error) == "a is wrong\nb is wrong"
    assert error.faults == ["a is wrong", "b is wrong"]


def test_malformed_message_carries_a_code_for_the_sender() -> None:
    error = MalformedMessage("invalid", "close.reason: is required")
    assert (error.code, str(error)) == ("invalid", "close.reason: is required")


@pytest.mark.parametrize(("message", "text"), [("it is busy", "it is busy"), ("", "no_camera")])
def test_call_error_is_a_sentence_with_a_code(message: str, text: str) -> None:
    error = CallError("no_camera", message)
    assert (error.code, str(error)) == ("no_camera", text)
