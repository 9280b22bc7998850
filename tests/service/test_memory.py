"""Memory of this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.service.memory import release_memory, resident_memory


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
