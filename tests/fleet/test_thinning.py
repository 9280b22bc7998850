"""One of the statistics of a conversation in thirty seconds."""

from __future__ import annotations

from agent.fleet.intake import FleetMessage
from agent.fleet.thinning import INTERVAL, Thinning
from tests.fleet.samples import INTAKE, NOW, closed, collected, rejected


def kept(thinning: Thinning, at: int, conversation: str = "a", device: str = "door-1") -> bool:
    body = b'{"conversation": "%s"}' % conversation.encode()
    topic = f"callbox/v1/{device}/events/local_stats"
    return thinning.keeps(INTAKE.read(FleetMessage(topic, body, at)))


def test_thinning_keeps_one_in_an_interval() -> None:
    thinning = Thinning()
    seconds = [at for at in range(0, 3 * INTERVAL, 2000) if kept(thinning, NOW + at)]
    assert seconds == [0, INTERVAL, 2 * INTERVAL]


def test_thinning_tells_conversations_and_devices_apart() -> None:
    thinning = Thinning()
    assert all(kept(thinning, NOW, c, d) for c in "ab" for d in ("door-1", "door-2"))


def test_thinning_goes_on_after_a_step_of_the_clock() -> None:
    thinning = Thinning()
    assert kept(thinning, NOW)
    assert kept(thinning, NOW - 10 * INTERVAL)


def test_thinning_remembers_a_bounded_number() -> None:
    thinning = Thinning(remembered=2)
    assert all(kept(thinning, NOW, name) for name in "abc")
    assert kept(thinning, NOW, "a")
    assert not kept(thinning, NOW, "c")


def test_thinning_leaves_everything_else() -> None:
    thinning = Thinning()
    record = collected("door-1", "events/closed", closed())
    assert thinning.keeps(record)
    assert thinning.keeps(record)
    assert thinning.keeps(rejected("door-1", "health", {"timestamp": "x"}))
