"""RTCP compounds of others (RFC 3550 6.1): each packet is judged by itself.

aiortc drops a whole compound for one packet that it cannot read, and reads a description of two
sources (SDES, as mixers send it) as if its chunks were not padded to 32 bits, knows no extensions
of reports, counts what a NACK names beyond 65535, and looks for the target of a FIR where it must
not stand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from aiortc.rtp import (
    RTCP_PSFB,
    RTCP_PSFB_FIR,
    RTCP_RR,
    RTCP_RTPFB,
    RTCP_SR,
    AnyRtcpPacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
)

from agent.webrtc.internals.refused_datagrams import REFUSED, Refusal
from agent.webrtc.internals.transport_wide import TransportFeedback, is_feedback, read_feedback

_HEADER = struct.Struct("!BBH")
_WORD = 4
_VERSION = 2
_COUNT, _NO_PADDING = 0x1F, 0xDF
# bytes of a report without its blocks, and of a block
_REPORT = {RTCP_SR: 28, RTCP_RR: 8}
_BLOCK = 24
# What somebody here looks at. Descriptions of sources (SDES) are not; nor is the end of one (BYE),
# by which aiortc would end the stream for good: another source may follow, as behind a gateway that
# had the call on hold (RFC 3550 6.6).
_READ = frozenset({RTCP_SR, RTCP_RR, RTCP_RTPFB, RTCP_PSFB})
# bytes of an entry of a FIR (RFC 5104 4.3.1.1)
_FIR_ENTRY = 8


def read_compound(data: bytes) -> Iterator[AnyRtcpPacket | TransportFeedback]:
    """The packets of an authenticated compound that can be read, in order. A FIR comes out as one
    packet for each of its targets, named by `media_ssrc`.
    """
    at = 0
    while at < len(data):
        if len(data) - at < _HEADER.size:
            REFUSED.count(Refusal.MALFORMED)
            return
        first, kind, length = _HEADER.unpack_from(data, at)
        end = at + _WORD * (length + 1)
        if first >> 6 != _VERSION or end > len(data):
            # where the next one begins is not known
            REFUSED.count(Refusal.MALFORMED)
            return
        if kind in _READ:
            try:
                packets = _read(data[at:end], first, kind)
            except (ValueError, struct.error):
                REFUSED.count(Refusal.MALFORMED)
            else:
                yield from packets
        at = end


def _read(packet: bytes, first: int, kind: int) -> Sequence[AnyRtcpPacket | TransportFeedback]:
    if is_feedback(first, kind):
        return [read_feedback(packet)]
    if kind in _REPORT:
        packet = _without_extension(packet, first, kind)
    found: list[AnyRtcpPacket] = []
    for each in RtcpPacket.parse(packet):
        if isinstance(each, RtcpRtpfbPacket):
            each.lost = [number & 0xFFFF for number in each.lost]
        if isinstance(each, RtcpPsfbPacket) and each.fmt == RTCP_PSFB_FIR:
            found += _by_target(each)
        else:
            found.append(each)
    return found


def _without_extension(packet: bytes, first: int, kind: int) -> bytes:
    """A report without its profile's extension (RFC 3550 6.4.3) and padding."""
    size = _REPORT[kind] + _BLOCK * (first & _COUNT)
    if len(packet) <= size:
        return packet
    return _HEADER.pack(first & _NO_PADDING, kind, size // _WORD - 1) + packet[_WORD:size]


def _by_target(fir: RtcpPsfbPacket) -> list[AnyRtcpPacket]:
    """RFC 5104 4.3.1.2: the media SSRC of the header shall be 0, the targets stand in the entries.
    Who names one in the header nevertheless means it.
    """
    entries = [fir.fci[at : at + _FIR_ENTRY] for at in range(0, len(fir.fci) - 7, _FIR_ENTRY)]
    targets = {int.from_bytes(entry[:_WORD], "big"): entry for entry in entries}
    if fir.media_ssrc:
        targets.setdefault(fir.media_ssrc, entries[0] if entries else b"")
    return [
        RtcpPsfbPacket(fmt=fir.fmt, ssrc=fir.ssrc, media_ssrc=target, fci=entry)
        for target, entry in targets.items()
    ]
