"""Visits are kept for the page, and told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.device.visit_keeper import OPENED_WITHIN, VisitKeeper
from agent.device.visits import Visit, Visits
from agent.doorbell.notifications import NotificationSender, Request
from agent.doorbell.notify_settings import NotifySettings
from agent.signaling.protocol import messages as wire
from tests.fakes.manual_clock import ManualClock
from tests.waiting import until

CALL = "00000000-0000-4000-8000-000000000001"
JPEG = b"\xff\xd8 picture \xff\xd9"
HEADER = {"device": "door-1", "timestamp": "2026-11-28T10:15:00.123Z"}


def ring(number: int, **known: object) -> wire.RingEvent:
    return wire.RingEvent.model_validate(
        {**HEADER, "eventId": f"ring-{number}", "button": "front", "targets": ["alice"], **known}
    )


class Home:
    """A keeper, what it kept, and what was posted."""

    def __init__(self, folder: Path, *, picture: bool = False) -> None:
        self.visits = Visits(folder / "visits")
        self.posted: list[Request] = []
        self.clock = ManualClock()
        settings = NotifySettings(
            url="http://n8n.home/",
            on=("ring", "missed", "open"),
            body="{event} {button} {targets}",
            picture=picture,
        )
        self.sender = NotificationSender([settings], "door-1", post=self.posted.append)
        self.keeper = VisitKeeper(self.visits, self.sender, {"c-2": "bob"}.get, self.clock)

    @property
    def last(self) -> Visit:
        return self.visits.all()[0]

    async def told(self, count: int) -> list[bytes]:
        await until(lambda: len(self.posted) >= count)
        return [each.body for each in self.posted]


@asynccontextmanager
async def home(folder: Path, *, picture: bool = False) -> AsyncIterator[Home]:
    made = Home(folder, picture=picture)
    async with made.sender, made.keeper:
        yield made


async def test_a_ring_is_kept_and_told(tmp_path: Path) -> None:
    async with home(tmp_path) as door:
        door.keeper.visited(ring(1, conversation=CALL))
        assert await door.told(1) == [b"ring front alice"]
        await until(lambda: bool(door.visits.all()))
    assert (door.last.id, door.last.conversation, door.last.missed) == ("ring-1", CALL, False)


@pytest.mark.parametrize("early", [True, False])
async def test_a_picture_belongs_to_its_ring_whichever_comes_first(
    tmp_path: Path, early: bool
) -> None:
    async with home(tmp_path, picture=True) as door:
        if early:
            door.keeper.pictured("ring-1", JPEG)
        door.keeper.visited(ring(1))
        if not early:
            door.keeper.pictured("ring-1", JPEG)
        door.keeper.pictured("ring-0", b"of nobody")
        assert await door.told(1) == [JPEG]
    assert door.last.picture
    assert door.visits.document("visits/ring-1.jpg") == (JPEG, "image/jpeg")
    assert door.visits.document("visits/ring-0.jpg") is None


async def test_without_a_picture_the_text_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.device.visit_keeper.PICTURE_PATIENCE", 0.0)
    async with home(tmp_path, picture=True) as door:
        door.keeper.visited(ring(1))
        assert await door.told(1) == [b"ring front alice"]


@pytest.mark.parametrize("why", ["rate_limited", "already_ringing"])
async def test_repeated_presses_are_no_visits(tmp_path: Path, why: str) -> None:
    async with home(tmp_path) as door:
        door.keeper.visited(ring(1, suppressed=why))
        door.keeper.visited(ring(2, suppressed="privacy_mode"))
        await door.told(1)
    assert [each.id for each in door.visits.all()] == ["ring-2"]
    assert len(door.posted) == 1


async def test_a_missed_ring_says_what_was_left(tmp_path: Path) -> None:
    async with home(tmp_path) as door:
        door.keeper.visited(ring(1))
        missed = wire.MissedEvent.model_validate(
            {**HEADER, "eventId": "m-1", "button": "front", "targets": ["alice"], "message": "m1"}
        )
        door.keeper.visited(missed)
        assert await door.told(2) == [b"ring front alice", b"missed front alice"]
    assert (door.last.missed, door.last.message) == (True, "m1")


async def test_a_door_that_opens_soon_after_belongs_to_the_visit(tmp_path: Path) -> None:
    async with home(tmp_path) as door:
        door.keeper.visited(ring(1))
        for action in ("on", "refused", "open"):
            event = {**HEADER, "eventId": action, "output": "door", "action": action, "by": "alice"}
            door.keeper.opened(wire.OutputEvent.model_validate(event))
        door.clock.now += OPENED_WITHIN + 1
        late = {**HEADER, "eventId": "late", "output": "door", "action": "open", "by": "bob"}
        door.keeper.opened(wire.OutputEvent.model_validate(late))
        assert len(await door.told(3)) == 3
    assert door.last.opened_by == "alice"


async def test_a_slow_disk_costs_visits_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.device.visit_keeper.QUEUE_LENGTH", 2)
    async with home(tmp_path) as door:
        for number in range(5):
            door.keeper.visited(ring(number))
        await asyncio.sleep(0)
    assert len(door.visits.all()) == 2
