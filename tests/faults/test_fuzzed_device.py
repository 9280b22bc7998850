"""A short flood of fuzzed messages against a real device; `python -m tests.bench --only fuzz` sends
the long one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.fuzz import POOL, flooding

pytestmark = [pytest.mark.broker, pytest.mark.media]

MESSAGES = 2000


async def test_a_device_serves_amid_fuzzed_messages(tmp_path: Path) -> None:
    async with flooding(tmp_path) as flood:
        before = await flood.rest()
        await flood.run(MESSAGES, checks=3)
        after = await flood.rest()
        status = await flood.idle()
        assert flood.connections() == 1
    assert len(flood.served) == 3
    assert after.files <= before.files
    assert after.threads <= before.threads + POOL
    assert (status["broker_connected"], status["calls"]) == (True, [])
    assert "Traceback" not in flood.program.log(), flood.program.log()
