"""Whom the rules name, and whom they do not."""

from __future__ import annotations

import pytest

from agent.core.policy.known_callers import NOBODY, KnownCallers


def test_known_callers_of_accept_rules_are_accepted_and_of_ring_rules_only_known() -> None:
    known = KnownCallers(["front-desk", "family-*"], ["neighbor-?"])
    assert known
    assert [name in known for name in ("front-desk", "family-anna", "neighbor-1")] == [True] * 3
    assert [known.is_accepted(name) for name in ("front-desk", "family-anna")] == [True] * 2
    assert not known.is_accepted("neighbor-1")
    strangers = ("front-desk2", "a.front-desk", "family", "neighbor-12", "Front-desk", "")
    assert not any(name in known or known.is_accepted(name) for name in strangers)


@pytest.mark.parametrize("anybody", ["*", "**"])
def test_known_callers_pattern_for_anybody_names_nobody(anybody: str) -> None:
    known = KnownCallers([anybody], [anybody])
    assert not known
    assert "front-desk" not in known
    assert not known.is_accepted("front-desk")


def test_known_callers_dot_of_a_name_is_no_wildcard() -> None:
    assert "a-b" not in KnownCallers(["a.b"])
    assert "a.b" in KnownCallers(["a.b"])


def test_known_callers_of_no_rules_are_nobody() -> None:
    assert not NOBODY
    assert "" not in NOBODY
