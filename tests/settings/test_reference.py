"""docs/settings.md as the models make it."""

from __future__ import annotations

import re

import pytest

from agent.core.policy.rules import Rule
from agent.settings import Settings
from agent.settings.reference import settings_reference
from tests.test_config_files import leaves

ROWS = [line for line in settings_reference().splitlines() if line.startswith("| `")]


def row(key: str) -> list[str]:
    (found,) = [line for line in ROWS if line.startswith(f"| `{key}` |")]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", found.strip("|"))]


def test_reference_has_every_setting_and_every_key_of_a_rule() -> None:
    keys = {re.match(r"\| `(\w+)` \|", line)[1] for line in ROWS}  # type: ignore[index]
    assert keys >= {path[-1] for path in leaves(Settings)} | set(Rule.model_fields)


@pytest.mark.parametrize(
    ("key", "default", "applies"),
    [
        ("topic_prefix", '`"callbox/v1"`', "restart"),
        ("commands", '`["close", "reject", "mute", "reload"]`', "reload"),
        ("setup_timeout", '`"15s"`', "restart"),
        ("level", '`"info"`', "reload"),
    ],
)
def test_reference_says_default_and_what_applies_it(key: str, default: str, applies: str) -> None:
    assert row(key)[1:3] == [default, applies]


def test_reference_names_no_host_as_the_default_uid() -> None:
    assert "| `uid` | *host name* | restart |" in settings_reference()


def test_reference_marks_secrets() -> None:
    assert row("secret")[-1].endswith("*Secret.*")


def test_reference_keeps_each_row_on_one_line_of_as_many_cells() -> None:
    for line in ROWS:
        assert len(re.findall(r"(?<!\\)\|", line)) in (4, 5), line
