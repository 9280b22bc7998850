"""The generated files are those that are committed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from agent.signaling.protocol.asyncapi import models
from agent.signaling.protocol.schema import files, write

CONFIG = Path(__file__).parent.parent.parent.parent / "config"
REMEDY = "run: make generate"
# made once, and not where these tests are only collected
written = cache(files)


def test_schema_committed_files_have_not_drifted() -> None:
    for path, text in written().items():
        assert (CONFIG / path).read_text("utf-8") == text, f"{path} is out of date; {REMEDY}"
    committed = {f"schemas/{path.name}" for path in (CONFIG / "schemas").iterdir()}
    assert committed == {path for path in written() if path.startswith("schemas/")}, REMEDY


def test_schema_writing_removes_what_is_no_more(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "stale.json").write_text("{}")
    write(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")} == set(written())


def test_schema_each_schema_says_what_it_is() -> None:
    for name in models():
        schema = json.loads(written()[f"schemas/{name}.json"])
        assert schema["$schema"].endswith("2020-12/schema")
        assert schema["$id"] == f"urn:callbox:v1:{name}"
        assert schema["type"] == "object"
        assert schema["description"]
