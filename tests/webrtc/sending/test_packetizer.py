"""Packetization, taken apart again by aiortc's depacketizer."""

from __future__ import annotations

from aiortc.codecs.h264 import h264_depayload
from hypothesis import given
from hypothesis import strategies as st

from agent.h264 import annexb as h264
from agent.webrtc.sending.packetizer import (
    MAX_PAYLOAD_SIZE,
    H264Packetizer,
    h264_payloads,
    opus_payloads,
)

SIZES = st.sampled_from(
    [1, 2, 30, 600, MAX_PAYLOAD_SIZE - 4, MAX_PAYLOAD_SIZE - 1, MAX_PAYLOAD_SIZE]
) | st.integers(1, 9000)


def nal(kind: int, size: int) -> bytes:
    """A NAL unit of this size that ends in no zero."""
    return bytes([0x60 | kind]) + bytes(1 + at % 255 for at in range(size))


NALS = st.lists(st.builds(nal, st.sampled_from([1, 5, 6, 7, 8, 9]), SIZES), min_size=1, max_size=12)


@given(NALS, st.sampled_from([b"\x00\x00\x01", b"\x00\x00\x00\x01"]))
def test_packetizer_every_unit_comes_out_as_it_went_in(nals: list[bytes], code: bytes) -> None:
    payloads = h264_payloads(b"".join(code + one for one in nals))
    assert all(0 < len(payload) <= MAX_PAYLOAD_SIZE for payload in payloads)
    assert list(h264.nal_units(b"".join(h264_depayload(payload) for payload in payloads))) == nals


def test_packetizer_parameter_sets_travel_together() -> None:
    payloads = h264_payloads(
        b"".join(h264.START_CODE + nal(kind, size) for kind, size in ((7, 20), (8, 4), (5, 5000)))
    )
    assert [payload[0] & 0x1F for payload in payloads] == [24, 28, 28, 28, 28]
    assert [bool(payload[1] & 0x80) for payload in payloads[1:]] == [True, False, False, False]
    assert [bool(payload[1] & 0x40) for payload in payloads[1:]] == [False, False, False, True]
    assert max(map(len, payloads[1:])) - min(map(len, payloads[1:])) <= len(payloads)


def test_packetizer_access_unit_that_many_send_is_cut_once() -> None:
    packetize = H264Packetizer()
    first, second = (h264.START_CODE + nal(kind, 3000) for kind in (5, 1))
    payloads = packetize(first)
    assert payloads == h264_payloads(first)
    assert packetize(first) is payloads
    assert packetize(second) == h264_payloads(second)
    assert packetize(first) == payloads


def test_packetizer_what_holds_no_unit_gives_nothing() -> None:
    assert h264_payloads(b"") == []
    assert h264_payloads(b"no start code") == []
    assert h264_payloads(b"\x00\x00\x01\x00\x00\x01") == []


def test_packetizer_huge_unit_is_cut_into_nearly_equal_parts() -> None:
    payloads = h264_payloads(h264.START_CODE + nal(5, 2_000_000))
    assert h264_depayload(payloads[0])[4] == 0x65
    assert max(map(len, payloads)) <= MAX_PAYLOAD_SIZE


def test_packetizer_sound_is_one_payload() -> None:
    assert opus_payloads(b"opus") == [b"opus"]
