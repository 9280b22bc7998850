"""What inputs and effects carry: invitations, media grants, candidates and ICE servers.

Session descriptions and candidates pass through as text; the core never reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agent.core.call.reasons import AudioDirection, Purpose, SharedBitrate


@dataclass(frozen=True, slots=True)
class IceCandidate:
    """One candidate, as RFC 8840 trickles it (`candidate` with or without its `candidate:`
    prefix).
    """

    candidate: str
    sdp_mid: str | None = None
    sdp_mline_index: int | None = None


@dataclass(frozen=True, slots=True)
class IceServer:
    """One entry of W3C's RTCIceServer list.

    With a shared `secret`, username and credential are made for each call and are good for
    `credential_lifetime` seconds.
    """

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    credential_lifetime: float = 86_400.0
    # named by a remote peer: it must not make us ask just anybody
    is_foreign: bool = False


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that was understood. `caller` is the uid in the topic, never one in the
    payload.
    """

    conversation: str
    caller: str
    party: str
    sdp: str
    lifetime: float
    # seconds since `sentAt`; None where it cannot be judged (our clock is implausible)
    age: float | None = None
    user_data: Any = None
    ice_servers: tuple[IceServer, ...] = ()
    signed: bool = False
    purpose: Purpose = Purpose.TALK
    # how the caller came, where not by MQTT: `whep` or `go2rtc`
    via: str | None = None
    # nothing can be offered to the caller once it was answered: no fresh transport, and its sound
    # comes over the one that there is
    one_transport: bool = False


@dataclass(frozen=True, slots=True)
class MediaGrant:
    """Which media may flow, for how long (seconds), whether the shared encoder follows this
    conversation, whether the ICE servers of the remote peer are asked, and whether it may release
    doors (`open`).

    A view goes one way: whoever looks `sends` nothing, and whoever is looked at `receives` nothing;
    where it `listens`, sound is received all the same, to be heard once the view is a talk.
    """

    video: bool = True
    audio: AudioDirection = AudioDirection.BOTH
    max_duration: float | None = None
    shared_bitrate: SharedBitrate = SharedBitrate.FOLLOW
    ice_servers: bool = False
    sends: bool = True
    receives: bool = True
    open: bool = False
    listens: bool = False
