"""docs/messages.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agent.signaling.protocol.asyncapi import models
from agent.signaling.protocol.message_paper import paper, type_of

DOCS = Path(__file__).parent.parent.parent.parent / "docs"


def test_the_paper_has_not_drifted() -> None:
    assert (DOCS / "messages.md").read_text("utf-8") == paper(), "run: make generate"


def test_every_message_has_a_section_and_an_example() -> None:
    examples = re.findall(r"```json\n(.*?)\n```", paper(), re.DOTALL)
    assert len(examples) == len(models())
    for example in examples:
        json.loads(example)


def test_every_field_is_explained() -> None:
    assert re.findall(r"^\|.*\|  \|$", paper(), re.MULTILINE) == []


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"const": "invite"}, '"invite"'),
        ({"enum": ["on", "off"]}, '"on", "off"'),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, "number"),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "null for never"},
            "string or null",
        ),
        ({"type": "array", "items": {"type": "string"}}, "array of string"),
        ({"$ref": "#/$defs/Track"}, "object"),
        ({}, "any JSON"),
    ],
)
def test_types_in_words(schema: dict[str, object], words: str) -> None:
    assert type_of(schema, {"$defs": {"Track": {"type": "object"}}}) == words
