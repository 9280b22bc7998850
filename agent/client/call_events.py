"""The events of a conversation: their names, and what `on(name, callback)` calls back with.

    ringing(RemoteRinging)  response(CallStatus)  connected(Connected)
    talk(TalkStarted): what only looked is a talk
    stream_received(RemoteStream)
    local_stats(LocalStats)  remote_stats(RemoteStats)  error(CallError)
    closed(CallRecord), exactly once and last

`degraded(Degraded)` says that nothing arrives any more and a fresh transport is being made,
`restored(Restored)` that something arrives again, `push_to_talk(PushToTalk)` that the remote peer
holds its button, or has let it go. They are for an application's eyes, and no topics of the
protocol.
"""

from __future__ import annotations

from typing import Any

from agent.client.remote_stream import RemoteStream
from agent.core.call import events as ev
from agent.core.statistics.reports import CallRecord, LocalStats, RemoteStats
from agent.errors import CallError

EVENT_NAMES: dict[type, str] = {
    ev.Called: "called",
    ev.RemoteRinging: "ringing",
    ev.InvitationAnswered: "response",
    ev.Connected: "connected",
    ev.TalkStarted: "talk",
    ev.StreamReceived: "stream_received",
    ev.Degraded: "degraded",
    ev.Restored: "restored",
    ev.PushToTalk: "push_to_talk",
    ev.ErrorRaised: "error",
    LocalStats: "local_stats",
    RemoteStats: "remote_stats",
    CallRecord: "closed",
}


def callback_argument(event: Any, conversation: Any, stream: RemoteStream) -> Any:
    """What the video SDK's documentation has a callback get for `event`."""
    match event:
        case ev.Called():
            return conversation
        case ev.InvitationAnswered():
            return event.call_status
        case ev.StreamReceived():
            return stream
        case ev.ErrorRaised():
            return CallError(event.code, event.message)
    return event
