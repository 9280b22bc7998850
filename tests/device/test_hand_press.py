"""What `callbox press` is told."""

from __future__ import annotations

from pathlib import Path

from agent.device.hand_press import press_by_hand
from tests.doorbells import ringing
from tests.fakes.network import FakeNetwork


async def test_press_by_hand_tells_what_came_of_it(tmp_path: Path) -> None:
    async with ringing(FakeNetwork(), tmp_path) as bell:
        rang = await press_by_hand(bell.doorbell, "front")
        assert (rang["ok"], rang["targets"]) == (True, ["alice", "bob"])
        assert rang["conversation"] in bell.door.client.conversations
        assert await press_by_hand(bell.doorbell, "front") == {"ok": True, "repeated": True}
        bell.clock.now += 10
        held_back = await press_by_hand(bell.doorbell, "")
        assert (held_back["ok"], held_back["suppressed"]) == (False, "already_ringing")
        unknown = await press_by_hand(bell.doorbell, "side")
        assert (unknown["ok"], unknown["code"]) == (False, "no_such_button")
