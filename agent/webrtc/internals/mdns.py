"""Names that browsers give in place of their addresses (draft-ietf-mmusic-mdns-ice-candidates).

aioice looks them up, once and for a second; its reader lets errors of its parser out.
"""

from __future__ import annotations

import re
from typing import Any

import aioice.ice
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceTransport

from agent.webrtc.internals.refused_datagrams import REFUSED, Refusal

# one label, as aioice takes it
_NAME = re.compile(r"[A-Za-z0-9-]{1,63}\.local")
_GUARD = "_callbox_guarded"


def is_mdns_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


async def look_up(transport: RTCIceTransport, candidate: RTCIceCandidate) -> bool:
    """Ask for the address of a candidate's name, and add the candidate. False where nobody has
    answered within a second. Raises OSError where this machine has no multicast.
    """
    ice = transport._connection
    protocol: Any = await aioice.ice.get_or_create_mdns_protocol(ice)
    if not hasattr(protocol, _GUARD):
        setattr(protocol, _GUARD, True)
        protocol.datagram_received = _careful(protocol.datagram_received)
    await transport.addRemoteCandidate(candidate)
    return any(each.host == candidate.ip for each in ice._remote_candidates)


def _careful(read: Any) -> Any:
    def datagram_received(data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            read(data, addr)
        except Exception:  # noqa: BLE001 - a stranger's bytes: the reaction is whatever the parser met
            REFUSED.count(Refusal.MALFORMED)

    return datagram_received
