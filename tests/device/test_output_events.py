"""The event `output`: kept, and not without end."""

from __future__ import annotations

from pathlib import Path

from agent.counts import RefusalKind, refusals
from agent.signaling.protocol import messages as wire
from tests.devices import device
from tests.fakes.network import FakeNetwork


async def test_output_events_are_told_with_who_did_it(tmp_path: Path) -> None:
    async with device(FakeNetwork(), tmp_path) as door:
        told: list[wire.OutputEvent] = []
        events = door.door.output_events
        events.on_event(told.append)
        events.done("lamp", "on", "button")
        events.refused(None, "stranger", "no_such_output")
        switched = await door.event("output")
        await door.outbox.flush(30)
        refused = door.events()[-1]
    assert (switched["output"], switched["action"], switched["by"]) == ("lamp", "on", "button")
    assert (refused["action"], refused["code"], "output" in refused) == (
        "refused",
        "no_such_output",
        False,
    )
    assert [each.event_id for each in told] == [switched["eventId"], refused["eventId"]]


async def test_output_events_wait_for_the_broker(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path) as door:
        network.stop()
        door.door.output_events.done("door", "open", "alice")
        assert not door.events()
        network.start()
        assert (await door.event("output"))["by"] == "alice"


async def test_output_events_count_every_refusal_and_tell_some(tmp_path: Path) -> None:
    async with device(FakeNetwork(), tmp_path) as door:
        before = refusals.totals()[RefusalKind.DOOR]
        for _ in range(100):
            door.door.output_events.refused("door", "stranger", "not_allowed")
        await door.outbox.flush(30)
        assert refusals.totals()[RefusalKind.DOOR] == before + 100
        assert 30 <= len(door.events()) <= 32
