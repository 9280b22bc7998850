"""The examples of messages."""

from __future__ import annotations

import json

import pytest

from agent.signaling.protocol.asyncapi import document, models
from agent.signaling.protocol.encoding import encode
from agent.signaling.protocol.message_examples import EXAMPLES


@pytest.mark.parametrize("name", models())
def test_every_message_has_an_example_that_is_read_and_written_as_it_stands(name: str) -> None:
    example = EXAMPLES[name]
    written = json.loads(encode(models()[name].model_validate(example)))
    assert example.items() <= written.items()
    # what an example leaves out has a default on the wire, and nothing is made up
    assert set(written) - set(example) <= {"reconnects", "setup", "lifetime", "mode", "duration"}


def test_there_is_no_example_of_a_message_that_is_no_more() -> None:
    assert set(EXAMPLES) == set(models())


def test_the_document_has_them() -> None:
    messages = document()["components"]["messages"]
    for name, example in EXAMPLES.items():
        assert messages[name]["examples"] == [{"payload": example}]
