"""Memory of this process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.service.memory import freeze_start, release_memory, resident_memory


def test_resident_memory_is_some_megabytes() -> None:
    used = resident_memory()
    assert used is not None
    assert used > 1_000_000


def test_resident_memory_where_the_system_does_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.service.memory._STATM", tmp_path / "none")
    assert resident_memory() is None
    release_memory()


@pytest.fixture
def collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("collector")
def test_cycles_after_the_start_are_collected_soon() -> None:
    kept = [[number] for number in range(200_000)]
    freeze_start()
    assert gc.get_freeze_count() > len(kept)
    full = gc.get_stats()[2]["collections"]
    for _ in range(300_000):
        cycle: list[object] = []
        cycle.append(cycle)
    # by its own rule Python would wait for a quarter of `kept` to come again
    assert gc.get_stats()[2]["collections"] >= full + 3
