"""The only modules that know aiortc's and aioice's inside. Each name used here is pinned by a
contract test.

Why at all: aiortc offers no event for PLI, NACK, REMB or the selected pair, spends a third of the
sending cost on objects, decodes every frame that arrives in a thread, leaves its connecting task
without an owner, checks consent with a time-out of half a second, says nothing of silence, tries a
path ever more rarely, makes a task of each packet that goes through TURN, however many wait, and
measures intervals by a clock that may be set.
"""

from __future__ import annotations

from agent.webrtc.internals.datagram_guard import GuardedProtocol
from agent.webrtc.internals.dtls_reader import DtlsReader
from agent.webrtc.internals.ice_transport import (
    ConsentWatch,
    add_local_candidate,
    host_protocols,
    knows_remote_candidates,
    selected_pair,
    transport_totals,
    use_host_addresses,
)
from agent.webrtc.internals.paced import PacedSender, PictureSource
from agent.webrtc.internals.receiver import ReceiverTap
from agent.webrtc.internals.refused_datagrams import REFUSED, Refusal
from agent.webrtc.internals.rtc_connection import (
    PeerConnection,
    configure,
    has_common_codec,
    make_decoder,
)
from agent.webrtc.internals.sender import PacketSender, Source, Unit
from agent.webrtc.internals.turn import Protocol as RelayProtocol
from agent.webrtc.internals.turn import Relay, open_relay, relayed_candidate

__all__ = [
    "REFUSED",
    "ConsentWatch",
    "DtlsReader",
    "GuardedProtocol",
    "PacedSender",
    "PacketSender",
    "PeerConnection",
    "PictureSource",
    "ReceiverTap",
    "Refusal",
    "Relay",
    "RelayProtocol",
    "Source",
    "Unit",
    "add_local_candidate",
    "configure",
    "has_common_codec",
    "host_protocols",
    "knows_remote_candidates",
    "make_decoder",
    "open_relay",
    "relayed_candidate",
    "selected_pair",
    "transport_totals",
    "use_host_addresses",
]
