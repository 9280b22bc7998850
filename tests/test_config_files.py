"""The samples in config/: they are what the models say, change nothing as delivered, and mean what
they explain.
"""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from agent.core.call.events import Invitation
from agent.core.policy.rate_limiter import CallHistory
from agent.core.policy.rules import Rule
from agent.options import are_tables
from agent.settings import Settings, load_policy, load_settings, sample_config, sample_policy
from agent.settings.names import section_of
from agent.settings.reference import FILE_NAME, write_reference
from agent.settings.sample import write_samples

CONFIG = Path(__file__).parent.parent / "config"
DOCS = Path(__file__).parent.parent / "docs"


def switched_on(sample: str) -> str:
    return re.sub(r"^#(?=\S)", "", sample, flags=re.MULTILINE)


def test_the_committed_files_are_what_the_models_say(tmp_path: Path) -> None:
    write_samples(tmp_path)
    for name in ("callbox.toml", "policy.toml"):
        assert (CONFIG / name).read_text() == (tmp_path / name).read_text(), "run make generate"


def test_committed_settings_page_is_what_the_models_say(tmp_path: Path) -> None:
    write_reference(tmp_path)
    assert (DOCS / FILE_NAME).read_text() == (tmp_path / FILE_NAME).read_text(), "run make generate"


def test_the_sample_changes_nothing(tmp_path: Path) -> None:
    assert load_settings(CONFIG / "callbox.toml", environ={}, root=tmp_path) == load_settings(
        environ={}, root=tmp_path
    )


def test_every_value_in_the_sample_is_the_default(tmp_path: Path) -> None:
    file = tmp_path / "on.toml"
    file.write_text(switched_on(sample_config()))
    on, default = (load_settings(config, environ={}, root=tmp_path) for config in (file, None))
    assert on.uid == "door-1"
    assert without_tables(on).model_copy(update={"uid": default.uid}) == default


def without_tables(section: Any) -> Any:
    """The entries of lists of tables are examples."""
    changed: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if are_tables(field):
            assert len(value) == 1, name
            changed[name] = ()
        elif isinstance(value, BaseModel):
            changed[name] = without_tables(value)
    return section.model_copy(update=changed)


def leaves(model: type[BaseModel], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for name, field in model.model_fields.items():
        section = section_of(field)
        nested = section is not None and (isinstance(field.annotation, type) or are_tables(field))
        found |= (
            leaves(section, (*path, name)) if section is not None and nested else {(*path, name)}
        )
    return found


def test_every_setting_is_in_the_sample_and_is_described() -> None:
    tables = tomllib.loads(switched_on(sample_config()))
    for path in leaves(Settings) - {("policy", "rule")}:
        table = tables
        for key in path:
            assert key in table, path
            table = table[key]
            table = (
                table[0]
                if isinstance(table, list) and table and isinstance(table[0], dict)
                else table
            )


def undescribed(model: type[BaseModel]) -> list[str]:
    missing = []
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is not None:
            missing += [*undescribed(section), *([] if section.__doc__ else [section.__name__])]
        if not field.description and (section is None or not isinstance(field.annotation, type)):
            missing.append(f"{model.__name__}.{name}")
    return missing


def test_every_setting_is_described_where_it_is_declared() -> None:
    assert undescribed(Settings) == []


def test_the_sample_policy_equals_the_default(tmp_path: Path) -> None:
    default = load_policy(load_settings(environ={}, root=tmp_path), root=tmp_path)
    (tmp_path / "policy.toml").write_text((CONFIG / "policy.toml").read_text())
    sample = load_policy(load_settings(environ={}, root=tmp_path), root=tmp_path)
    assert sample.rules == default.rules == ()


@pytest.mark.parametrize(
    ("caller", "clock", "rule", "action"),
    [
        ("family-1", "2026-11-23T07:00", "family by day", "accept"),
        ("family-1", "2026-11-23T23:00", "family at night", "ring"),
        ("front-desk", "2026-11-23T23:00", "everybody else", "reject"),
        ("family-1", "2026-11-22T12:00", "everybody else", "reject"),
    ],
)
def test_the_examples_mean_what_they_are_called(
    caller: str, clock: str, rule: str, action: str, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text(switched_on(sample_policy()))
    berlin = ZoneInfo("Europe/Berlin")
    policy = load_policy(load_settings(environ={}, root=tmp_path), root=tmp_path, timezone=berlin)
    at = datetime.fromisoformat(clock).replace(tzinfo=berlin)
    decision = policy.decide(
        Invitation("c-1", caller, "p-1", "v=0", 30.0), at=at, history=CallHistory()
    )
    assert (decision.rule, decision.action) == (rule, action)


def test_the_examples_show_every_key_of_a_rule() -> None:
    rules = tomllib.loads(switched_on(sample_policy()))["rule"]
    assert {key for rule in rules for key in rule} == set(Rule.model_fields)
