from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import Timing
from agent.core.call.reasons import Direction
from agent.signaling.outbox.call_journal import UPDATE_INTERVAL, CallJournal
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol.telemetry import EventHeader
from agent.signaling.protocol.topics import Topics
from tests.signaling.outbox.outboxes import HandBroker, crash, deliver_all, quick, written

CONVERSATION = "8c5a7c52-0f0e-4f0a-8f6e-3a2b1c0d9e8f"
# the wall clock when the monotonic one was 0
BOOT = 1_800_000_000.0


class Call:
    """A call, with a clock that is set by hand."""

    def __init__(self, outbox: Outbox) -> None:
        self.now = 100.0
        self.wall_offset = BOOT
        self.journal = CallJournal(
            outbox, Topics(), wall=lambda: self.wall_offset + self.now, monotonic=lambda: self.now
        )
        invitation = ev.Invitation(CONVERSATION, "phone-7", "party", "v=0", 30.0)
        self.rules = IncomingCall(invitation, "own", Timing(), self.now)
        self.header = EventHeader(
            event_id="of another event",
            device="door-1",
            conversation=CONVERSATION,
            remote_uid="phone-7",
            direction=Direction.INCOMING,
            timestamp="2027-01-15T08:00:00.000Z",
        )

    def feed(self, event: ev.Input, *, after: float = 0.0) -> None:
        self.now += after
        effects, refused = self.rules.handle(event, self.now)
        assert refused is None, refused
        del effects
        self.note()

    def note(self, *, after: float = 0.0) -> None:
        self.now += after
        self.journal.update(self.header, self.rules)


async def recovered(directory: Path) -> list[dict[str, Any]]:
    broker = HandBroker()
    async with quick(directory, broker) as outbox:
        await deliver_all(broker, outbox)
    return [json.loads(payload) for payload in broker.delivered]


async def test_call_journal_call_that_was_only_begun(tmp_path: Path) -> None:
    outbox = await quick(tmp_path, HandBroker()).__aenter__()
    Call(outbox).note()
    await written(outbox)
    await crash(outbox)
    (closed,) = await recovered(tmp_path)
    assert closed["event"] == "closed"
    assert (closed["reason"], closed["closedBy"], closed["duration"]) == (
        "crash_recovered",
        "local",
        0.0,
    )
    assert (closed["conversation"], closed["remoteUid"], closed["device"]) == (
        CONVERSATION,
        "phone-7",
        "door-1",
    )
    assert closed["invitedAt"] == "2027-01-15T08:01:40.000Z"
    assert not {"callStatus", "answeredAt", "connectedAt"} & closed.keys(), "it never was answered"
    assert closed["eventId"] != "of another event"


async def test_call_journal_call_that_was_connected(tmp_path: Path) -> None:
    outbox = await quick(tmp_path, HandBroker()).__aenter__()
    call = Call(outbox)
    call.note()
    call.feed(ev.AcceptRequested())
    call.feed(ev.DescriptionReady(0, "v=0"), after=1.0)
    call.feed(ev.IceConnected(0), after=0.5)
    call.feed(ev.PeerConnected(0), after=0.5)
    call.note(after=UPDATE_INTERVAL - 1)  # not yet due
    call.note(after=2.0)
    call.note(after=30.0)
    await written(outbox)
    await crash(outbox)
    (closed,) = await recovered(tmp_path)
    assert closed["callStatus"] == "ACCEPTED"
    assert closed["connectedAt"] == "2027-01-15T08:01:42.000Z"
    assert closed["duration"] == UPDATE_INTERVAL + 1, "as last noted"
    assert closed["endedAt"] == "2027-01-15T08:02:43.000Z"
    assert closed["setup"] == {"response": 1000.0, "ice": 1500.0, "dtls": 2000.0}


async def test_call_journal_clock_that_is_set_during_the_call_does_not_distort_the_record(
    tmp_path: Path,
) -> None:
    outbox = await quick(tmp_path, HandBroker()).__aenter__()
    call = Call(outbox)
    call.wall_offset = 0.0  # 1970
    call.note()
    call.wall_offset = BOOT
    call.feed(ev.AcceptRequested())
    call.feed(ev.DescriptionReady(0, "v=0"), after=1.0)
    call.feed(ev.PeerConnected(0), after=1.0)
    await written(outbox)
    await crash(outbox)
    (closed,) = await recovered(tmp_path)
    assert (closed["invitedAt"], closed["duration"]) == ("2027-01-15T08:01:40.000Z", 0.0)


async def test_call_journal_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    async with quick(tmp_path, HandBroker()) as outbox:
        call = Call(outbox)
        call.note()
        await written(outbox)
        before = (tmp_path / "outbox.db-wal").stat()
        for _ in range(100):
            call.note(after=10.0)  # it rings
        await written(outbox)
        assert (tmp_path / "outbox.db-wal").stat().st_mtime_ns == before.st_mtime_ns


async def test_call_journal_call_costs_four_syncs_or_five(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begin, answer (with its `response`, or before it), connection and end.

    What the broker acknowledges costs none, nor does what happens in between.
    """
    syncs: list[int] = []
    fdatasync = os.fdatasync

    def counted(file: int) -> None:
        syncs.append(file)
        fdatasync(file)

    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        await written(outbox)
        monkeypatch.setattr("agent.signaling.outbox.store.os.fdatasync", counted)
        call = Call(outbox)
        call.note()
        assert await call.journal.noted(call.rules)
        await written(outbox)
        call.feed(ev.AcceptRequested())
        call.feed(ev.DescriptionReady(0, "v=0"))
        outbox.put("response", "response-1", "t", b"{}")
        await written(outbox)
        call.feed(ev.IceConnected(0))
        call.feed(ev.PeerConnected(0))
        for _ in range(3):
            call.note(after=UPDATE_INTERVAL / 4)
        await written(outbox)
        entry = call.journal.end(call.rules)
        assert entry is not None
        outbox.put("closed", entry.event_id, entry.topic, b"{}", ends=entry)
        await deliver_all(broker, outbox)
        await written(outbox)
        assert outbox.health.waiting == 0
    assert 4 <= len(syncs) <= 5


async def test_call_journal_real_end_takes_the_place_of_the_last_word(tmp_path: Path) -> None:
    async with quick(tmp_path, HandBroker()) as outbox:
        call = Call(outbox)
        call.note()
        entry = call.journal.end(call.rules)
        assert entry is not None
        outbox.put("closed", entry.event_id, entry.topic, b'{"reason": "user_hangup"}', ends=entry)
        assert call.journal.end(call.rules) is None
    assert await recovered(tmp_path) == [{"reason": "user_hangup"}]
