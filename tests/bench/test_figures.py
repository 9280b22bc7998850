from __future__ import annotations

import os

import pytest

from tests.bench.figures import Figure, percentile, spread, table
from tests.bench.process import cpu_seconds, usage


@pytest.mark.parametrize(
    ("value", "target", "met"), [(59.9, 60.0, True), (60.1, 60.0, False), (1.0, None, None)]
)
def test_a_target_is_the_most_that_may_be(
    value: float, target: float | None, met: bool | None
) -> None:
    assert Figure("answer", value, "ms", target).met is met


def test_the_table_says_what_was_missed() -> None:
    lines = table(
        [
            Figure("answer", 75.25, "ms", 60.0),
            Figure("memory", 70, "MiB", 80.0),
            Figure("other", 1, "s"),
        ]
    )
    _, answer, memory, other = lines.splitlines()
    assert answer.split() == ["answer", "75.25", "ms", "60", "ms", "MISSED"]
    assert memory.endswith("met")
    assert other.split() == ["other", "1", "s"]


def test_json_names_target_only_where_there_is_one() -> None:
    assert Figure("a", 1.23456, "ms", 2.0).as_json() == {
        "name": "a",
        "measured": 1.235,
        "unit": "ms",
        "target": 2.0,
        "met": True,
    }
    assert "met" not in Figure("a", 1.0, "ms").as_json()


def test_spread_of_few_and_of_many() -> None:
    assert percentile([7.0], 95) == 7.0
    assert spread([float(each) for each in range(101)]) == {
        "count": 101,
        "min": 0,
        "p95": 95,
        "max": 100,
    }


def test_usage_of_this_process() -> None:
    now = usage(os.getpid())
    with open(os.devnull) as _:
        assert usage(os.getpid()).files == now.files + 1
    assert 5 < now.private <= now.resident
    assert now.threads >= 1
    assert cpu_seconds(os.getpid()) > 0
