"""The only modules that know aiortc's and aioice's inside. Each name used here is pinned by a
contract test.

Why at all: aiortc offers no event for PLI, NACK, REMB or the selected pair, spends a third of the
sending cost on objects, decodes every frame that arrives in a thread, leaves its connecting task
without an owner, checks consent with a time-out of half a second, says nothing of silence, tries a
path ever more rarely, stays on one that is dead while others work, makes a task of each packet that
goes through TURN, however many wait, measures intervals by a clock that may be set, queues what
strangers send without a bound, and lets one datagram end a call.
"""

from __future__ import annotations

from agent.webrtc.internals.codecs import configure, has_common_codec, make_decoder
from agent.webrtc.internals.consent import ConsentWatch
from agent.webrtc.internals.datagram_guard import GuardedProtocol
from agent.webrtc.internals.dtls_reader import DtlsReader, transport_totals
from agent.webrtc.internals.early_pair import EarlyPair
from agent.webrtc.internals.ending import finish
from agent.webrtc.internals.ice_candidates import (
    add_local_candidate,
    host_protocols,
    interface_addresses,
    knows_remote_candidates,
    pairs_of,
    selected_pair,
    use_host_addresses,
)
from agent.webrtc.internals.interval_clock import steady_time
from agent.webrtc.internals.mdns import is_mdns_name, look_up
from agent.webrtc.internals.refused_datagrams import REFUSED, Refusal
from agent.webrtc.internals.rtc_connection import PeerConnection
from agent.webrtc.internals.rtp_receiver import FrameAssembler, ReceiverTap
from agent.webrtc.internals.rtp_sender import Extensions, RtpLoop, RtpSender
from agent.webrtc.internals.transport_wide import TransportFeedback
from agent.webrtc.internals.turn import (
    IPV6,
    Relay,
    open_relay,
    refuses_family,
    relayed_candidate,
)
from agent.webrtc.internals.turn import Protocol as RelayProtocol

__all__ = [
    "IPV6",
    "REFUSED",
    "ConsentWatch",
    "DtlsReader",
    "EarlyPair",
    "Extensions",
    "FrameAssembler",
    "GuardedProtocol",
    "PeerConnection",
    "ReceiverTap",
    "Refusal",
    "Relay",
    "RelayProtocol",
    "RtpLoop",
    "RtpSender",
    "TransportFeedback",
    "add_local_candidate",
    "configure",
    "finish",
    "has_common_codec",
    "host_protocols",
    "interface_addresses",
    "is_mdns_name",
    "knows_remote_candidates",
    "look_up",
    "make_decoder",
    "open_relay",
    "pairs_of",
    "refuses_family",
    "relayed_candidate",
    "selected_pair",
    "steady_time",
    "transport_totals",
    "use_host_addresses",
]
