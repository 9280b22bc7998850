from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every source gives its thread back; the event loop's own helpers may stay."""
    before = set(threading.enumerate())
    yield
    left = [
        each.name
        for each in threading.enumerate()
        if each not in before and not each.name.startswith("asyncio_")
    ]
    assert left == []
