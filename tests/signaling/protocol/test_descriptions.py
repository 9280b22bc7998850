"""What the fields of messages mean."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from agent.signaling.protocol.asyncapi import models
from agent.signaling.protocol.descriptions import FIELDS, OF_MODELS, describe
from agent.signaling.protocol.json_schemas import json_schema


def objects() -> Iterator[tuple[str, str, str]]:
    """Model, field and its description in the schemas, of every field of every message."""
    for name, model in models().items():
        schema = json_schema(name, model)
        parts = {model.__name__: schema, **schema.get("$defs", {})}
        for part, inner in parts.items():
            for field, value in inner.get("properties", {}).items():
                yield part, field, value.get("description", "")


FOUND = sorted(set(objects()))


def test_every_field_has_a_description() -> None:
    assert [(model, field) for model, field, text in FOUND if not text] == []


def test_no_description_is_of_a_field_that_is_no_more() -> None:
    fields = {field for _, field, _ in FOUND}
    # `via` and `score` come with the consumers and models that make them
    assert set(FIELDS) - fields == set()
    assert set(OF_MODELS) <= {(model, field) for model, field, _ in FOUND}


@pytest.mark.parametrize(("model", "field", "text"), FOUND)
def test_a_time_says_its_form_and_a_duration_its_unit(model: str, field: str, text: str) -> None:
    if field.endswith(("At", "Until")) or field in ("timestamp", "now", "until", "since"):
        assert "RFC 3339" in text
    if re.search(r"(?i)(duration|jitter|roundTripTime|delay|lifetime|expiresIn|seconds)$", field):
        assert re.search(r"(?i)\b(milli)?seconds\b", text)


def test_a_field_that_nobody_knows_has_none() -> None:
    assert describe("Invite", "nonsense") is None
