"""Calls, and who takes part in them: the public Python API.

    from agent.client import CallClient

The names are looked up on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.client.call_client import CallClient as CallClient
    from agent.client.call_context import CallObserver as CallObserver
    from agent.client.call_context import ClientOptions as ClientOptions
    from agent.client.conversation import Conversation as Conversation
    from agent.client.remote_stream import RemoteStream as RemoteStream
    from agent.client.remote_stream import RemoteTrack as RemoteTrack
    from agent.core.call.events import Called as Called
    from agent.core.call.events import Connected as Connected
    from agent.core.call.events import Degraded as Degraded
    from agent.core.call.events import ErrorRaised as ErrorRaised
    from agent.core.call.events import IceServer as IceServer
    from agent.core.call.events import InvitationAnswered as InvitationAnswered
    from agent.core.call.events import MediaGrant as MediaGrant
    from agent.core.call.events import RemoteRinging as RemoteRinging
    from agent.core.call.events import Restored as Restored
    from agent.core.call.events import StreamReceived as StreamReceived
    from agent.core.call.reasons import CallMode as CallMode
    from agent.core.call.reasons import CallStatus as CallStatus
    from agent.core.call.reasons import CloseReason as CloseReason
    from agent.core.call.reasons import Purpose as Purpose
    from agent.core.statistics.reports import CallRecord as CallRecord
    from agent.core.statistics.reports import LocalStats as LocalStats
    from agent.core.statistics.reports import RemoteStats as RemoteStats
    from agent.errors import CallboxError as CallboxError
    from agent.errors import CallError as CallError
    from agent.errors import ConfigurationError as ConfigurationError
    from agent.errors import InvalidStateError as InvalidStateError
    from agent.errors import NotConnected as NotConnected
    from agent.ports import AccessUnit as AccessUnit
    from agent.ports import DecodedAudio as DecodedAudio
    from agent.ports import IceOptions as IceOptions
    from agent.ports import LocalStream as LocalStream
    from agent.ports import RemoteSink as RemoteSink

_MODULES = {
    "agent.client.call_client": ("CallClient",),
    "agent.client.call_context": ("CallObserver", "ClientOptions"),
    "agent.client.conversation": ("Conversation",),
    "agent.client.remote_stream": ("RemoteStream", "RemoteTrack"),
    "agent.core.call.events": (
        "Called",
        "Connected",
        "Degraded",
        "ErrorRaised",
        "IceServer",
        "InvitationAnswered",
        "MediaGrant",
        "RemoteRinging",
        "Restored",
        "StreamReceived",
    ),
    "agent.core.call.reasons": ("CallMode", "CallStatus", "CloseReason", "Purpose"),
    "agent.core.statistics.reports": ("CallRecord", "LocalStats", "RemoteStats"),
    "agent.errors": (
        "CallError",
        "CallboxError",
        "ConfigurationError",
        "InvalidStateError",
        "NotConnected",
    ),
    "agent.ports": ("AccessUnit", "DecodedAudio", "IceOptions", "LocalStream", "RemoteSink"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
