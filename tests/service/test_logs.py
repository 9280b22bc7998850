"""What is logged, by level."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from agent.service.logs import QUIET, set_level


@pytest.fixture(autouse=True)
def levels_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(), *map(logging.getLogger, QUIET)]
    before = [each.level for each in loggers]
    yield
    for each, level in zip(loggers, before, strict=True):
        each.setLevel(level)


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [
        ("debug", logging.DEBUG, logging.DEBUG),
        ("info", logging.INFO, logging.WARNING),
        ("error", logging.ERROR, logging.ERROR),
    ],
)
def test_set_level_keeps_libraries_quiet(level: str, ours: int, theirs: int) -> None:
    set_level(level)
    assert logging.getLogger().level == ours
    assert {logging.getLogger(name).level for name in QUIET} == {theirs}
