"""How often a service was started, and how often it had crashed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.service.run_history import FILE_NAME, RunHistory


def counts(history: RunHistory) -> tuple[int, int]:
    return history.restarts, history.crashes


async def test_run_history_counts_the_starts_of_a_boot(tmp_path: Path) -> None:
    found = []
    for _ in range(3):
        async with RunHistory(tmp_path, "boot-1") as history:
            found.append(counts(history))
    assert found == [(0, 0), (1, 0), (2, 0)]


async def test_run_history_after_a_run_that_did_not_end_is_a_crash(tmp_path: Path) -> None:
    # a process that is killed writes nothing more
    await RunHistory(tmp_path, "boot-1").__aenter__()
    history = RunHistory(tmp_path, "boot-1")
    assert counts(history) == (1, 1)
    await history.__aenter__()
    await history.__aexit__(RuntimeError, RuntimeError(), None)
    async with RunHistory(tmp_path, "boot-1") as history:
        assert counts(history) == (2, 2)
    assert counts(RunHistory(tmp_path, "boot-1")) == (3, 2)


async def test_run_history_of_another_boot_begins_anew(tmp_path: Path) -> None:
    # a power cut is no crash
    await RunHistory(tmp_path, "boot-1").__aenter__()
    assert counts(RunHistory(tmp_path, "boot-2")) == (0, 0)
    await RunHistory(tmp_path, None).__aenter__()
    assert counts(RunHistory(tmp_path, None)) == (0, 0)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"bootId": "boot-1", "restarts": "many", "crashes": -1}', "\xff"]
)
async def test_run_history_of_a_damaged_file_goes_on(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text, encoding="latin-1")
    async with RunHistory(tmp_path, "boot-1") as history:
        assert history.crashes == 0
        assert history.restarts <= 1


async def test_run_history_where_nothing_can_be_written_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with RunHistory(tmp_path / "none", "boot-1") as history:
        assert counts(history) == (0, 0)
    assert "not counted" in caplog.text


async def test_run_history_is_for_its_user_alone(tmp_path: Path) -> None:
    async with RunHistory(tmp_path, "boot-1"):
        assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
