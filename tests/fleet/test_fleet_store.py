"""What becomes of a batch, and of its parts."""

from __future__ import annotations

from agent.fleet.fleet_store import Written
from tests.fleet.samples import closed, collected


def test_written_adds_up() -> None:
    one = collected("door-1", "events/closed", closed())
    assert Written((one,), 1, 2) + Written((), 3, 4) == Written((one,), 4, 6)
