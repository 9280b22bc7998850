"""The retained topic `call` (PROTOCOL 6): what the line of a device is doing now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.core.call.machine import State
from agent.core.call.reasons import Purpose
from agent.core.statistics.reports import LocalStats, RemoteStats
from agent.device.retained import Retained
from agent.signaling.protocol import messages as wire

Line = Literal["idle", "calling", "ringing", "connecting", "in_call", "lost"]
_LINES: dict[State, Line] = {
    State.OFFERING: "calling",
    State.INVITING: "calling",
    State.RINGING: "ringing",
    State.CROSSING: "ringing",
    State.ANSWERING: "connecting",
    State.CONNECTING: "connecting",
    State.ESTABLISHED: "in_call",
    State.SILENT: "in_call",
    State.LOST: "lost",
}
# of several calls the first of these is told
_ORDER: tuple[Line, ...] = ("in_call", "connecting", "ringing", "calling", "lost")


class LinePublisher:
    """Keeps the topic true; whoever only looks does not show. `now` is the time of day in Unix
    seconds.
    """

    def __init__(
        self, client: CallClient, retained: Retained, topic: str, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._retained = retained
        self._topic = topic
        self._now = now
        self._said: wire.LineState | None = None
        client.on("conversations", self._look)
        client.subscribe(self._on_event)
        self._look()

    def _on_event(self, _conversation: Conversation, _name: str, event: Any) -> None:
        if not isinstance(event, LocalStats | RemoteStats):
            self._look()

    def _look(self) -> None:
        state = line_state(self._client.conversations.values())
        if self._said is None or state != self._said.model_copy(update={"since": None}):
            self._said = state.model_copy(update={"since": wire.format_time(self._now())})
            self._retained.say(self._topic, wire.encode(self._said))


def line_state(conversations: Any) -> wire.LineState:
    """What these conversations make of the line."""
    talks = [
        (_ORDER.index(line), number, line, each)
        for number, each in enumerate(conversations)
        if each.purpose is Purpose.TALK and (line := _LINES.get(each.state)) is not None
    ]
    if not talks:
        return wire.LineState(state="idle")
    _, _, line, call = min(talks, key=lambda each: each[:2])
    return wire.LineState(
        state=line,
        conversation=call.id,
        remote_uid=call.remote_uid,
        direction=call.direction,
    )
