"""Names that browsers give in place of their addresses (draft-ietf-mmusic-mdns-ice-candidates).

aioice looks them up, once and for a second. Its parser refuses every answer of Chromium, for a
compressed name in a record that says which others there are not (NSEC); and lets its errors out.
"""

from __future__ import annotations

import asyncio
import importlib
import re
import struct
import sys
import threading
from typing import Any

import aioice.ice
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceTransport

from agent.webrtc.internals.refused_datagrams import REFUSED, Refusal

# one label, as aioice takes it
_NAME = re.compile(r"[A-Za-z0-9-]{1,63}\.local")
_GUARD = "_callbox_guarded"
# where aioice has it
_aioice: Any = aioice.ice

# id, flags, questions, answers; behind them the counts of authority and additional records
_HEADER, _HEADER_SIZE = struct.Struct("!HHHH"), 12
# type and class
_QUESTION_SIZE = 4
# of a record's data, behind type, class and time to live
_LENGTH_AT, _LENGTH = 8, struct.Struct("!H")
_POINTER = 0xC0
_LOADING = threading.Lock()


def is_mdns_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


async def look_up(transport: RTCIceTransport, candidate: RTCIceCandidate) -> bool:
    """Ask for the address of a candidate's name, and add the candidate. False where nobody has
    answered within a second. Raises OSError where this machine has no multicast.
    """
    ice = transport._connection
    if not hasattr(_aioice.mdns, "create_mdns_protocol"):
        # sixty modules
        await asyncio.to_thread(_load)
    protocol: Any = await aioice.ice.get_or_create_mdns_protocol(ice)
    if not hasattr(protocol, _GUARD):
        setattr(protocol, _GUARD, True)
        protocol.datagram_received = _careful(protocol.datagram_received)
    await transport.addRemoteCandidate(candidate)
    return any(each.host == candidate.ip for each in ice._remote_candidates)


def _load() -> None:
    """The module in place of the stub that a device starts with, to save memory until a name
    comes. Several names may come at once, each in a thread.
    """
    with _LOADING:
        if not hasattr(_aioice.mdns, "create_mdns_protocol"):
            sys.modules.pop("aioice.mdns", None)
            _aioice.mdns = importlib.import_module("aioice.mdns")


def _answers_alone(data: bytes) -> bytes:
    """A message of DNS (RFC 1035 4.1) without authority and additional records. Raises IndexError
    or struct.error on one that is cut off.
    """
    _, _, questions, answers = _HEADER.unpack_from(data)
    at = _HEADER_SIZE
    for _ in range(questions):
        at = _behind_name(data, at) + _QUESTION_SIZE
    for _ in range(answers):
        at = _behind_name(data, at)
        (length,) = _LENGTH.unpack_from(data, at + _LENGTH_AT)
        at += _LENGTH_AT + _LENGTH.size + length
    return data[: _HEADER.size] + bytes(_HEADER_SIZE - _HEADER.size) + data[_HEADER_SIZE:at]


def _behind_name(data: bytes, at: int) -> int:
    while length := data[at]:
        if length & _POINTER == _POINTER:
            return at + 2
        at += 1 + length
    return at + 1


def _careful(read: Any) -> Any:
    def datagram_received(data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            read(_answers_alone(data), addr)
        except Exception:  # noqa: BLE001 - a stranger's bytes: the reaction is whatever the parser met
            REFUSED.count(Refusal.MALFORMED)

    return datagram_received
