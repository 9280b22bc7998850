"""Packetization, taken apart again by aiortc's depacketizer."""

from __future__ import annotations

from aiortc.codecs.h264 import h264_depayload
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions
from hypothesis import given
from hypothesis import strategies as st

from agent.h264 import annexb as h264
from agent.webrtc.internals.header_extensions import PLAYOUT_DELAY, ExtensionsMap
from agent.webrtc.sending.packetizer import (
    MAX_PACKET_SIZE,
    MAX_PAYLOAD_SIZE,
    H264Packetizer,
    h264_payloads,
    opus_payloads,
)

ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
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
        b"".join(h264.START_CODE + nal(kind, size) for kind, size in ((7, 20), (8, 4), (5, 4500)))
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


def test_packetizer_small_units_around_the_limit_are_put_together_up_to_it() -> None:
    # one byte of STAP-A, two of length for each unit
    fits, over = (MAX_PAYLOAD_SIZE - 5 - 100 + more for more in (0, 1))
    for size, kinds in ((fits, [24]), (over, [6, 1])):
        data = b"".join(h264.START_CODE + nal(*one) for one in ((6, 99), (1, size - 1)))
        payloads = h264_payloads(data)
        assert [payload[0] & 0x1F for payload in payloads] == kinds
        assert max(map(len, payloads)) <= MAX_PAYLOAD_SIZE


def test_packetizer_unit_one_byte_over_the_limit_is_cut_in_two() -> None:
    whole = h264_payloads(h264.START_CODE + nal(5, MAX_PAYLOAD_SIZE - 1))
    cut = h264_payloads(h264.START_CODE + nal(5, MAX_PAYLOAD_SIZE))
    assert [payload[0] & 0x1F for payload in whole] == [5]
    assert [payload[0] & 0x1F for payload in cut] == [28, 28]
    assert b"".join(payload[2:] for payload in cut) == nal(5, MAX_PAYLOAD_SIZE)[1:]


def test_packetizer_largest_packet_passes_where_1280_bytes_do() -> None:
    """With all header extensions, sent again, protected, over IPv6 and through TURN."""
    extensions = ExtensionsMap()
    extensions.configure(
        RTCRtpParameters(
            headerExtensions=[
                RTCRtpHeaderExtensionParameters(id=1, uri="urn:ietf:params:rtp-hdrext:sdes:mid"),
                RTCRtpHeaderExtensionParameters(id=2, uri=ABS_SEND_TIME),
                RTCRtpHeaderExtensionParameters(id=3, uri=PLAYOUT_DELAY),
            ]
        )
    )
    _, packed = extensions.set(HeaderExtensions(abs_send_time=1, mid="m" * 15))
    packet = 12 + 4 + len(packed) + 2 + MAX_PAYLOAD_SIZE
    assert packet <= MAX_PACKET_SIZE
    # the tag of AES-GCM, UDP, IPv6 and a TURN channel
    assert packet + 16 + 8 + 40 + 4 <= 1280


def test_packetizer_sound_is_one_payload() -> None:
    assert opus_payloads(b"opus") == [b"opus"]
