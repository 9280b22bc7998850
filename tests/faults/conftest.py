from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import Mosquitto
from tests.e2e.device import Watcher, end_left_over, watching
from tests.faults.clips import write_large_keyframes


@pytest_asyncio.fixture
async def watcher(mosquitto: Mosquitto) -> AsyncIterator[Watcher]:
    async with watching(mosquitto) as watcher:
        yield watcher
        await end_left_over()


@pytest.fixture(scope="session")
def large_keyframes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_large_keyframes(tmp_path_factory.mktemp("clips") / "large.h264")
