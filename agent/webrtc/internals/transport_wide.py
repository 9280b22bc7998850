"""Transport-wide feedback (transport-cc): whether it is used, and what it says.

Who receives numbered packets tells of each when it arrived. aiortc knows the header extension, and
neither negotiates nor reads nor gives the feedback. Here it is agreed on for pictures, and read;
`arrival_feedback` gives it.

https://datatracker.ietf.org/doc/html/draft-holmer-rmcat-transport-wide-cc-extensions-01
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiortc import RTCRtpTransceiver
from aiortc.rtcrtpparameters import RTCRtcpFeedback
from aiortc.rtp import RTCP_RTPFB
from aiortc.sdp import MediaDescription

TRANSPORT_NUMBER = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
TRANSPORT_CC = RTCRtcpFeedback("transport-cc")
RTCP_RTPFB_TRANSPORT_CC = 15
# packets of one feedback: some fifty are usual, the rest a hole of seconds or somebody's joke
MAX_TOLD = 2048

_SOURCES = struct.Struct("!LL")
_HEAD = struct.Struct("!HHL")
# seconds of the units of the reference time and of a delta
_REFERENCE, _DELTA = 0.064, 0.000_25
_WORD = struct.Struct("!H")
_LARGE = struct.Struct("!h")
_SMALL_SYMBOL, _LARGE_SYMBOL = 1, 2
_EXTMAP = re.compile(r"a=extmap:(\d+)")
_H264 = re.compile(r"a=rtpmap:(\d+) H264/", re.IGNORECASE)


@dataclass(slots=True)
class TransportFeedback:
    """Of consecutive packets from the number `first` (16 bits) on: seconds of arrival by a clock of
    the remote peer's, whose origin is nobody's; None for one that has not arrived.
    """

    first: int
    arrivals: list[float | None] = field(default_factory=list)


def read_feedback(packet: bytes) -> TransportFeedback:
    """One RTCP packet with its header. Raises ValueError."""
    try:
        return _read(packet[4 + _SOURCES.size :])
    except (struct.error, IndexError):
        raise ValueError("transport-wide feedback is cut off") from None


def is_feedback(first: int, kind: int) -> bool:
    """By the first two bytes of an RTCP packet."""
    return kind == RTCP_RTPFB and first & 0x1F == RTCP_RTPFB_TRANSPORT_CC


def _read(message: bytes) -> TransportFeedback:
    first, count, reference = _HEAD.unpack_from(message)
    if count > MAX_TOLD:
        raise ValueError("transport-wide feedback on too many packets")
    found = TransportFeedback(first)
    # the last byte counts feedback packets
    arrival, at, symbols = (reference >> 8) * _REFERENCE, _HEAD.size, bytearray()
    while len(symbols) < count:
        (chunk,) = _WORD.unpack_from(message, at)
        at += _WORD.size
        symbols += _symbols(chunk)
    for symbol in symbols[:count]:
        if symbol == _SMALL_SYMBOL:
            arrival += message[at] * _DELTA
            at += 1
        elif symbol == _LARGE_SYMBOL:
            arrival += _LARGE.unpack_from(message, at)[0] * _DELTA
            at += _LARGE.size
        found.arrivals.append(arrival if symbol in (_SMALL_SYMBOL, _LARGE_SYMBOL) else None)
    return found


def _symbols(chunk: int) -> bytes:
    if not chunk & 0x8000:
        return bytes([chunk >> 13 & 3]) * (chunk & 0x1FFF)
    if chunk & 0x4000:
        return bytes(chunk >> shift & 3 for shift in range(12, -1, -2))
    return bytes(chunk >> shift & 1 for shift in range(13, -1, -1))


# --- descriptions


def offer_feedback(sdp: str) -> str:
    """Our offer with it in each section of pictures that lacks it."""
    sections = re.split(r"(?m)^(?=m=)", sdp)
    taken = [int(each) for each in _EXTMAP.findall(sdp)]
    number = max(taken, default=0) + 1
    return "".join(_offering(section, number) for section in sections)


def _offering(section: str, number: int) -> str:
    formats = _H264.findall(section)
    if not section.startswith("m=video") or TRANSPORT_NUMBER in section or not formats:
        return section
    lines = [f"a=extmap:{number} {TRANSPORT_NUMBER}"]
    lines += [f"a=rtcp-fb:{payload_type} {TRANSPORT_CC.type}" for payload_type in formats]
    return section + "".join(f"{line}\r\n" for line in lines)


def agree_on_feedback(
    transceivers: Sequence[RTCRtpTransceiver], remote: Sequence[MediaDescription]
) -> None:
    """Take it up where the remote description, which has just been set, names it for pictures."""
    for transceiver in transceivers:
        section = next((each for each in remote if each.rtp.muxId == transceiver.mid), None)
        if section is None or section.kind != "video":
            continue
        numbers = [each for each in section.rtp.headerExtensions if each.uri == TRANSPORT_NUMBER]
        named = {
            each.payloadType for each in section.rtp.codecs if TRANSPORT_CC in each.rtcpFeedback
        }
        codecs = [each for each in transceiver._codecs if each.payloadType in named]
        if numbers and codecs:
            transceiver._headerExtensions.append(numbers[0])
            for codec in codecs:
                codec.rtcpFeedback.append(TRANSPORT_CC)
