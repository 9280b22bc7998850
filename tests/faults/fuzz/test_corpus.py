"""What once broke an entry point, and what a coverage-guided fuzzer would start from: replayed,
without the fuzzer.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.fuzz.entries import ENTRIES
from tests.faults.fuzz.guided import CORPUS, LONGEST, seeds

KEPT = sorted(path for path in CORPUS.glob("*/*") if path.parent.name in ENTRIES)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_was_found_stays_mended(path: Path) -> None:
    ENTRIES[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_takes_its_seeds(entry: str) -> None:
    found = seeds(entry)
    assert len(found) >= 3
    assert max(map(len, found)) <= LONGEST
    for data in found:
        ENTRIES[entry](data)


def test_the_kept_corpus_is_small_and_of_known_entries() -> None:
    assert KEPT
    assert {path.name for path in CORPUS.iterdir()} <= {*ENTRIES, "README.md"}
    assert all(path.stat().st_size <= LONGEST for path in KEPT)
