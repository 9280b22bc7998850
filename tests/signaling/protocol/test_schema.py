"""The generated files are those that are committed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.signaling.protocol.asyncapi import models
from agent.signaling.protocol.schema import files, write

CONFIG = Path(__file__).parent.parent.parent.parent / "config"
FILES = files()
REMEDY = "run: python -m agent.signaling.protocol.schema config"


def test_the_committed_files_have_not_drifted() -> None:
    for path, text in FILES.items():
        assert (CONFIG / path).read_text("utf-8") == text, f"{path} is out of date; {REMEDY}"
    committed = {f"schemas/{path.name}" for path in (CONFIG / "schemas").iterdir()}
    assert committed == {path for path in FILES if path.startswith("schemas/")}, REMEDY


def test_writing_removes_what_is_no_more(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "stale.json").write_text("{}")
    write(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")} == set(FILES)


def test_each_schema_says_what_it_is() -> None:
    for name in models():
        schema = json.loads(FILES[f"schemas/{name}.json"])
        assert schema["$schema"].endswith("2020-12/schema")
        assert schema["$id"] == f"urn:callbox:v1:{name}"
        assert schema["type"] == "object"
        assert schema["description"]


def test_a_signal_has_to_name_its_type() -> None:
    schema = json.loads(FILES["schemas/signal-invite.json"])
    assert schema["required"] == ["type", "conversation", "party", "sdp", "sentAt"]
    assert schema["properties"]["lifetime"] == {
        "default": 30,
        "maximum": 120,
        "minimum": 1,
        "type": "number",
    }


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    text = FILES["asyncapi.json"]
    document = json.loads(text)
    references = list(_references(document))
    assert len(references) > 50
    for reference in references:
        if not reference.startswith("#/"):
            assert reference in FILES
            continue
        target = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_the_asyncapi_document_has_the_qualities_of_service_of_the_protocol() -> None:
    operations = json.loads(FILES["asyncapi.json"])["operations"]
    mqtt = {name: operation["bindings"]["mqtt"] for name, operation in operations.items()}
    assert {name for name, each in mqtt.items() if each["qos"] == 0} == {
        "sendHealth",
        "sendLocalStats",
        "sendRemoteStats",
    }
    assert {name for name, each in mqtt.items() if each["retain"]} == {
        "sendStatus",
        "sendAbout",
        "sendSettings",
    }
    assert {name for name, each in mqtt.items() if "messageExpiryInterval" in each} == {
        "receiveInvite",
        "sendInvite",
    }
    assert all(
        "reply" in operation
        for name, operation in operations.items()
        if re.fullmatch("receive.*Command", name)
    )


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref":
                yield each
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
