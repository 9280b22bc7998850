"""What the integration is made of beside its code: words in two languages, a manifest, a zip."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agent
from agent.core.call.reasons import CloseReason
from agent.homeassistant.features import slug
from config.homeassistant import build
from tests.homeassistant.component import COMPONENT, load

reasons = load("reasons")
LANGUAGES = ("en", "zh-Hans")


def words(language: str) -> dict[str, str]:
    """Every text of a language, by its path."""

    def leaves(node: Any, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(node, str):
            yield path, node
        else:
            for key, value in node.items():
                yield from leaves(value, f"{path}.{key}")

    text = (COMPONENT / "translations" / f"{language}.json").read_text()
    return dict(leaves(json.loads(text), ""))


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_both_languages_say_the_same_and_fill_in_the_same() -> None:
    english, chinese = map(words, LANGUAGES)
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert placeholders(text) == placeholders(chinese[key]), key
    assert [
        key for key in english if english[key] == chinese[key] and "flow_title" not in key
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_and_every_issue_has_its_words(language: str) -> None:
    said = words(language)
    for code in (*reasons.SENTENCES, "other", "username"):
        assert f".exceptions.{code}.message" in said
    for key in (*reasons.ISSUES.values(), "no_status"):
        assert {f".issues.{key}.title", f".issues.{key}.description"} <= said.keys()


def test_every_way_a_call_ends_has_a_sentence_of_its_own() -> None:
    # whoever cancels knows, and the last one says that nobody does
    plain = {CloseReason.CANCELLED, CloseReason.UNKNOWN_REASON}
    assert {each for each in CloseReason if reasons.sentence_of(each.value) == "other"} == plain
    assert reasons.sentence_of("a rule's own") == "other"
    assert reasons.issue_of("nonce") == "signature"
    assert reasons.issue_of("busy") is None


@pytest.mark.parametrize("uid", ["door-1", "door.1", "a.b.c_d"])
def test_device_is_known_by_the_name_in_its_discovery_message(uid: str) -> None:
    assert load("names").slug(uid) == slug(uid)


def test_zip_has_everything_and_is_the_same_each_time(tmp_path: Path) -> None:
    first = build.build(tmp_path / "a", build.version()).read_bytes()
    assert build.build(tmp_path / "b", build.version()).read_bytes() == first
    with zipfile.ZipFile(tmp_path / "a" / build.NAME) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("manifest.json"))
    assert {"__init__.py", "camera.py", "translations/zh-Hans.json"} <= names
    assert {"blueprints/automation/answer_on_phone.yaml", "brand/icon.png"} <= names
    assert not [each for each in names if each.endswith(".pyc")]
    assert manifest["version"] == agent.__version__
    assert manifest["mqtt"] == ["callbox/v1/+/about"]
    assert "documentation" not in manifest
    named = json.loads(build.manifest("1.0.0", "https://example.org/callbox"))
    assert named["issue_tracker"] == "https://example.org/callbox/issues"
    assert list(named)[:2] == ["domain", "name"]
    assert json.loads((COMPONENT.parents[1] / "hacs.json").read_text())["filename"] == build.NAME
