"""The only modules that know aiortc's and aioice's inside. Each name used here is pinned by a contract test.

Why at all: aiortc offers no event for PLI, NACK, REMB or the selected pair, spends a third of the sending cost on
objects, decodes every frame that arrives in a thread, leaves its connecting task without an owner, checks consent with
a time-out of half a second, says nothing of silence, and tries a path ever more rarely.
"""

from __future__ import annotations

from agent.webrtc.inside.connection import PeerConnection, configure, has_common_codec, make_decoder
from agent.webrtc.inside.ice import (
    ConsentWatch,
    add_local_candidate,
    check_steadily,
    host_protocols,
    knows_remote_candidates,
    selected_pair,
    transport_totals,
    use_host_addresses,
)
from agent.webrtc.inside.paced import PacedSender, PictureSource
from agent.webrtc.inside.receiving import ReceiverTap
from agent.webrtc.inside.sending import PacketSender, Source, Unit

__all__ = [
    "ConsentWatch",
    "PacedSender",
    "PacketSender",
    "PeerConnection",
    "PictureSource",
    "ReceiverTap",
    "Source",
    "Unit",
    "add_local_candidate",
    "check_steadily",
    "configure",
    "has_common_codec",
    "host_protocols",
    "knows_remote_candidates",
    "make_decoder",
    "selected_pair",
    "transport_totals",
    "use_host_addresses",
]
