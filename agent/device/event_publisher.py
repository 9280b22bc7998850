"""What a device tells of its calls: every event of a conversation (PROTOCOL 5).

Its own are told by `ring_events` and `output_events`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from agent.client.conversation import Conversation
from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, Direction, Purpose
from agent.core.statistics.reports import CallRecord, LocalStats, RemoteStats
from agent.device.device_state import DeviceState
from agent.signaling.broker import Broker
from agent.signaling.outbox.call_journal import CallJournal, PastCall, past_calls
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.topics import Topics

# on the disk until the broker has them
_KEPT = frozenset({"response", "closed"})
# the code of the `error` event in a call whose record the disk does not take
NOT_KEPT = "record_not_kept"


class EventPublisher:
    """Publishes for one device: an observer of its calls (`agent.client.call_context`). `now` is
    the time of day in Unix seconds.
    """

    def __init__(
        self,
        broker: Broker,
        outbox: Outbox,
        topics: Topics,
        uid: str,
        state: DeviceState,
        now: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._outbox = outbox
        self._journal = CallJournal(outbox, topics, wall=now)
        self._topics = topics
        self._uid = uid
        self._state = state
        self._now = now
        self._open: dict[str, Conversation] = {}
        self._warned: set[str] = set()
        # by conversation, what it has been told is lost
        self._lost: dict[str, set[str]] = {}
        state.on_change(self._warn_all)

    async def flush(self, timeout: float) -> None:
        """Wait until the broker has the records of calls, where it can be reached; `timeout` in
        seconds.
        """
        await self._outbox.flush(timeout)

    def event(self, conversation: Conversation, name: str, event: Any) -> None:
        """Publish one event of a conversation."""
        header, ends = self._header(conversation), None
        if isinstance(event, CallRecord):
            ends = self._journal.end(conversation.rules)
            # first: nothing is told of it after its end
            self._open.pop(conversation.id, None)
            self._warned.discard(conversation.id)
            self._lost.pop(conversation.id, None)
            if ends is not None:
                header = header.model_copy(update={"event_id": ends.event_id})
        else:
            self._journal.update(header, conversation.rules)
        message = _message(header, event)
        if message is None:
            return
        name = message.event
        topic, payload = self._topics.event(self._uid, name), wire.encode(message)
        if name in _KEPT:
            self._outbox.put(name, header.event_id, topic, payload, ends=ends)
        elif message.QOS:
            self._outbox.pass_on(name, topic, payload)
        else:
            self._broker.publish(topic, payload, qos=0)
        self._warn(conversation)
        self._warn_of_losses(conversation)

    async def begun(self, conversation: Conversation) -> None:
        """Note it before anything is said of it: so it has its `closed`, whenever this process
        dies.

        A disk that does not take it delays the call by a moment, and no more.
        """
        self._journal.update(self._header(conversation), conversation.rules)
        await self._journal.noted(conversation.rules)
        # a camera that was missing before is not lost in this call
        self._lost[conversation.id] = {"camera"} & self._lost_now().keys()
        self._open[conversation.id] = conversation
        # an incoming call says `called` first
        if conversation.direction is Direction.OUTGOING:
            self._warn(conversation)

    def renamed(self, _conversation: Conversation, _before: str) -> None:
        """Nothing: events go by the id that it had first."""

    def ended(self, _conversation: Conversation) -> None:
        """Nothing: `closed` was its last event."""

    async def past_calls(self) -> Iterable[PastCall]:
        """What an earlier process has left on the disk."""
        return past_calls(await self._outbox.left_over())

    def _warn_all(self) -> None:
        for conversation in tuple(self._open.values()):
            self._warn(conversation)
            self._warn_of_losses(conversation)

    def _warn_of_losses(self, conversation: Conversation) -> None:
        """A call that has a connection is told once of each loss of the camera or of an end of the
        sound card.
        """
        if conversation.id not in self._open or conversation.state is not State.ESTABLISHED:
            return
        lost = self._lost_now()
        told = self._lost.setdefault(conversation.id, set())
        told.intersection_update(lost)
        for end in sorted(lost.keys() - told):
            told.add(end)
            self.event(conversation, "error", ev.ErrorRaised(f"{end}_lost", lost[end]))

    def _lost_now(self) -> dict[str, str]:
        camera = self._state.camera.missing
        return self._state.lost | ({} if camera is None else {"camera": camera})

    def _warn(self, conversation: Conversation) -> None:
        """Once in a call whose record is at risk: it has no other event of its own that says so."""
        trouble = self._state.records_trouble
        if trouble is None or conversation.id in self._warned or conversation.id not in self._open:
            return
        self._warned.add(conversation.id)
        message = f"the record of this call is in memory only: {trouble}"
        self.event(conversation, "error", ev.ErrorRaised(NOT_KEPT, message))

    def _header(self, conversation: Conversation) -> wire.EventHeader:
        return wire.EventHeader(
            event_id=str(uuid.uuid4()),
            device=self._uid,
            conversation=conversation.id,
            remote_uid=conversation.remote_uid,
            direction=conversation.direction,
            timestamp=wire.format_time(self._now()),
            targets=conversation.targets or None,
            purpose=None if conversation.purpose is Purpose.TALK else conversation.purpose,
            via=conversation.via,
        )


def _without_picture(user_data: Any) -> Any:
    """A visitor's picture is for whom it was sent to, and for nobody who counts calls."""
    if not isinstance(user_data, dict):
        return user_data
    return {name: each for name, each in user_data.items() if name != "snapshot"}


def _message(header: wire.EventHeader, event: Any) -> wire.ConversationEvent | None:
    match event:
        case ev.Called():
            return wire.CalledEvent.of(header, user_data=_without_picture(event.user_data))
        case ev.InvitationAnswered():
            return wire.ResponseEvent.of(
                header, call_status=event.call_status, reason=event.reason, rule=event.rule
            )
        case ev.TalkStarted():
            # who had only looked was judged once more, and is answered once more
            return wire.ResponseEvent.of(header, call_status=CallStatus.ACCEPTED, rule=event.rule)
        case ev.StreamReceived():
            tracks = [wire.Track(kind=kind, codec=codec) for kind, codec in event.tracks]
            return wire.StreamReceivedEvent.of(header, tracks=tracks)
        case ev.ErrorRaised():
            return wire.ErrorEvent.of(header, code=event.code[:64], message=event.message[:500])
        case LocalStats():
            return wire.LocalStatsEvent.of(header, event)
        case RemoteStats():
            return wire.RemoteStatsEvent.of(header, event)
        case CallRecord():
            return wire.ClosedEvent.of(header, event)
    # `ringing` at a far side, `connected`, `degraded` and `restored` are no events of the protocol
    return None
