"""The last word of each call under way, written ahead: what its `closed` says if this process dies
in it.

At the begin, the answer and the connection of a call its record so far goes to the disk, complete,
with the reason `crash_recovered` and the eventId that its real `closed` will have. So after a crash
nothing has to be pieced together, and whoever gets both knows them for one. The begin is there
before anybody hears of the call. While it is connected its duration is brought up to date once a
minute.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from agent.core.call.base_call import Call
from agent.core.call.reasons import CallStatus, CloseReason
from agent.core.statistics.call_record import call_record
from agent.core.statistics.statistics_log import StatisticsLog
from agent.signaling.outbox.entry import Entry
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol.encoding import encode
from agent.signaling.protocol.telemetry import ClosedEvent, EventHeader
from agent.signaling.protocol.topics import Topics

# seconds: how wrong a duration may be, against what the card has to bear
UPDATE_INTERVAL = 60.0
_KIND = "closed"


@dataclass(frozen=True, slots=True)
class _Noted:
    """What the disk knows of a call, and when it was told (monotonic seconds)."""

    entry: Entry
    at: float
    phase: tuple[CallStatus | None, bool, str]


class CallJournal:
    """`wall` is the time of day in Unix seconds, `monotonic` the clock of the calls."""

    def __init__(
        self,
        outbox: Outbox,
        topics: Topics,
        *,
        wall: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._topics = topics
        self._wall = wall
        self._monotonic = monotonic
        self._calls: dict[str, _Noted] = {}

    def update(self, header: EventHeader, call: Call) -> None:
        """Note how far `call` has come. Cheap where that is known; `header` is of any of its
        events.
        """
        if call.closed is not None:
            return
        now, marks = self._monotonic(), call.marks
        phase = (call.call_status, marks.connected is not None, call.remote_uid)
        noted = self._calls.get(call.conversation)
        further = noted is None or phase != noted.phase
        if (
            noted is not None
            and not further
            and (marks.connected is None or now - noted.at < UPDATE_INTERVAL)
        ):
            return
        entry = noted.entry if noted is not None else self._entry(header)
        self._calls[call.conversation] = _Noted(entry, now, phase)
        header = header.model_copy(update={"event_id": entry.event_id})
        record = call_record(
            call,
            StatisticsLog(),
            now=now,
            wall=self._wall(),
            reason=CloseReason.CRASH_RECOVERED,
        )
        event = ClosedEvent.of(header, record)
        self._outbox.note(entry, encode(event), durable=further)

    def _entry(self, header: EventHeader) -> Entry:
        return Entry(str(uuid.uuid4()), _KIND, self._topics.event(header.device, _KIND), b"")

    async def noted(self, call: Call) -> bool:
        """Wait until what is known of `call` outlasts this process. False where the disk does not
        take it (in time).
        """
        noted = self._calls.get(call.conversation)
        return noted is not None and await self._outbox.noted(noted.entry)

    def end(self, call: Call) -> Entry | None:
        """`call` has its real `closed`, with this entry's eventId. None where it never was
        noted.
        """
        noted = self._calls.pop(call.conversation, None)
        return noted.entry if noted is not None else None


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call of an earlier process, with the reason that its `closed` gives."""

    conversation: str
    remote_uid: str
    reason: CloseReason


def past_calls(entries: Iterable[Entry]) -> Iterator[PastCall]:
    """The calls whose `closed` these are; what is none is left out."""
    for entry in entries:
        try:
            event = json.loads(entry.payload)
            yield PastCall(event["conversation"], event["remoteUid"], CloseReason(event["reason"]))
        except (ValueError, KeyError, TypeError):
            continue
