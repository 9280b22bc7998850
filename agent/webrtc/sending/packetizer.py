"""RTP payloads of H.264 (RFC 6184, packetization-mode 1) and Opus (RFC 7587). Pure."""

from __future__ import annotations

import re

from agent.h264.annexb import START_CODE

# bytes of an RTP packet in all: header, extensions and payload; libwebrtc's limit as well. With the
# tag of SRTP (16), a TURN channel (4), UDP (8) and IPv6 (40) it is 1268 on the wire, and passes
# where 1280 do: WireGuard, Tailscale, some LTE. Larger ones are lost there without a word.
MAX_PACKET_SIZE = 1200
# bytes: the header (12), the number of a retransmitted packet (RFC 4588: 2), and the extensions
# (RFC 8285: send time, playout delay and a mid of up to 15 characters)
_OVERHEAD = 12 + 2 + 28
MAX_PAYLOAD_SIZE = MAX_PACKET_SIZE - _OVERHEAD

_START_CODE = re.compile(re.escape(START_CODE))
_FU_A = 28
_STAP_A = 24
_NRI = 0x60
_FORBIDDEN_AND_NRI = 0xE0
_START, _END = 0x80, 0x40


def opus_payloads(data: bytes) -> list[bytes]:
    return [data]


class H264Packetizer:
    """`h264_payloads` for many senders of one encoder: each access unit is cut once, while they all
    send it.
    """

    def __init__(self) -> None:
        self._data: bytes | None = None
        self._payloads: list[bytes] = []

    def __call__(self, data: bytes) -> list[bytes]:
        """The payloads of `data`, the same list for all: it is not to be changed."""
        if data is not self._data:
            self._data, self._payloads = data, h264_payloads(data)
        return self._payloads


def h264_payloads(data: bytes) -> list[bytes]:
    """Cut an access unit in Annex B: small NAL units together (STAP-A), large ones in nearly equal
    parts (FU-A).
    """
    payloads: list[bytes] = []
    waiting: list[bytes] = []
    size = 1
    for nal in _nal_units(data):
        if waiting and size + 2 + len(nal) > MAX_PAYLOAD_SIZE:
            payloads.append(_aggregate(waiting))
            waiting, size = [], 1
        if len(nal) > MAX_PAYLOAD_SIZE:
            payloads += _fragment(nal)
        else:
            waiting.append(nal)
            size += 2 + len(nal)
    if waiting:
        payloads.append(_aggregate(waiting))
    return payloads


def _nal_units(data: bytes) -> list[bytes]:
    """Without start codes; the zero byte of a four-byte start code belongs to none of them."""
    # in half the time that bytes.split takes
    starts = [match.end() for match in _START_CODE.finditer(data)]
    ends = [at - len(START_CODE) for at in starts[1:]]
    nals = [data[start:end].removesuffix(b"\x00") for start, end in zip(starts, ends, strict=False)]
    return [nal for nal in [*nals, *(data[at:] for at in starts[-1:])] if nal]


def _aggregate(nals: list[bytes]) -> bytes:
    if len(nals) == 1:
        return nals[0]
    importance = max(nal[0] & _NRI for nal in nals)
    return bytes([importance | _STAP_A]) + b"".join(
        len(nal).to_bytes(2, "big") + nal for nal in nals
    )


def _fragment(nal: bytes) -> list[bytes]:
    room = MAX_PAYLOAD_SIZE - 2
    count = -(-(len(nal) - 1) // room)
    size = -(-(len(nal) - 1) // count)
    indicator, kind = nal[0] & _FORBIDDEN_AND_NRI | _FU_A, nal[0] & 0x1F
    starts = range(1, len(nal), size)
    middle = bytes([indicator, kind])
    heads = [
        bytes([indicator, kind | _START]),
        *[middle] * (len(starts) - 2),
        bytes([indicator, kind | _END]),
    ]
    return [head + nal[at : at + size] for head, at in zip(heads, starts, strict=True)]
