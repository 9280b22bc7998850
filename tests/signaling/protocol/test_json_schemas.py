"""The JSON Schema of a message."""

from __future__ import annotations

from agent.signaling.protocol.asyncapi import models
from agent.signaling.protocol.json_schemas import json_schema


def test_schema_signal_has_to_name_its_type() -> None:
    schema = json_schema("signal-invite", models()["signal-invite"])
    assert schema["required"] == ["type", "conversation", "party", "sdp", "sentAt"]
    assert schema["properties"]["lifetime"] == {
        "description": "Seconds for which the invitation stands, 1 to 120.",
        "default": 30,
        "maximum": 120,
        "minimum": 1,
        "type": "number",
    }
