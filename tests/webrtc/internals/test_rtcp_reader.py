"""RTCP compounds: each packet by itself."""

from __future__ import annotations

import inspect
from struct import pack
from typing import Any

import pytest
from aiortc.rtcdtlstransport import RTCDtlsTransport, RtpRouter
from aiortc.rtp import RtcpPsfbPacket, RtcpRrPacket, RtcpRtpfbPacket, RtcpSrPacket
from hypothesis import given
from hypothesis import strategies as st

from agent.webrtc.internals import REFUSED, Refusal
from agent.webrtc.internals.rtcp_reader import read_compound
from tests.webrtc import compounds
from tests.webrtc.compounds import packet

OURS, THEIRS, OTHER = 1, 2, 3


def kinds(data: bytes) -> list[str]:
    return [type(each).__name__ for each in read_compound(data)]


@given(st.lists(st.binary(max_size=12), max_size=4))
def test_rtcp_reader_reads_around_the_descriptions_of_a_mixer(names: list[bytes]) -> None:
    data = compounds.mixer_report(OURS, THEIRS, *names)
    assert kinds(data) == ["RtcpRrPacket", "RtcpPsfbPacket"]


@pytest.mark.parametrize(
    "bad",
    [
        # one block is announced, none is there
        packet(201, 1, pack("!L", OURS)),
        packet(205, 1, pack("!L", OURS)),
        # padding longer than the packet
        b"\xa0" + packet(206, 1, pack("!LL", OURS, 99))[1:],
        # the end of a source: another may follow, and aiortc would end the stream for good
        packet(203, 1, pack("!L", THEIRS)),
        # of a kind that nobody knows
        packet(209, 1, pack("!L", OURS)),
    ],
    ids=["report", "feedback", "padding", "bye", "kind"],
)
def test_rtcp_reader_of_one_useless_packet_loses_no_neighbor(bad: bytes) -> None:
    data = compounds.receiver_report(OURS, THEIRS) + bad + compounds.pli(OURS, THEIRS)
    assert kinds(data) == ["RtcpRrPacket", "RtcpPsfbPacket"]


@pytest.mark.parametrize("rest", [b"\x80", b"\x40\xc9\0\0", b"\x80\xc9\0\x09"])
def test_rtcp_reader_of_a_broken_end_keeps_what_stands_before_it(rest: bytes) -> None:
    before = REFUSED.of(Refusal.MALFORMED)
    assert kinds(compounds.pli(OURS, THEIRS) + rest) == ["RtcpPsfbPacket"]
    assert REFUSED.of(Refusal.MALFORMED) == before + 1


def test_rtcp_reader_of_reports_with_an_extension_reads_their_blocks() -> None:
    """RFC 3550 6.4.3."""
    block = pack("!LLLLLL", THEIRS, 0, 7, 0, 0, 0)
    reports = (
        packet(201, 1, pack("!L", OURS) + block + b"more" * 3),
        packet(200, 1, pack("!LQLLL", OURS, 0, 0, 0, 0) + block + b"more"),
    )
    for data in reports:
        (found,) = read_compound(data)
        assert isinstance(found, RtcpRrPacket | RtcpSrPacket)
        assert [each.highest_sequence for each in found.reports] == [7]


@pytest.mark.parametrize(
    ("fir", "targets"),
    [
        (compounds.fir(OURS, 0, (THEIRS, 1)), [THEIRS]),
        (compounds.fir(OURS, 0, (OTHER, 1), (THEIRS, 9)), [OTHER, THEIRS]),
        (compounds.fir(OURS, THEIRS, (THEIRS, 1)), [THEIRS]),
        (compounds.fir(OURS, THEIRS), [THEIRS]),
        (compounds.fir(OURS, 0), []),
    ],
    ids=["rfc", "several", "both", "header", "nobody"],
)
def test_rtcp_reader_of_a_fir_names_its_targets(fir: bytes, targets: list[int]) -> None:
    found = list(read_compound(fir))
    assert all(isinstance(each, RtcpPsfbPacket) for each in found)
    assert [each.media_ssrc for each in found if isinstance(each, RtcpPsfbPacket)] == targets


def test_rtcp_reader_of_a_nack_counts_across_the_wrap() -> None:
    (found,) = read_compound(compounds.nack(OURS, THEIRS, 0xFFFF, 0b101))
    assert isinstance(found, RtcpRtpfbPacket)
    assert found.lost == [0xFFFF, 0, 2]


@given(st.binary(max_size=80))
def test_rtcp_reader_of_anything_raises_nothing(data: bytes) -> None:
    list(read_compound(data))


def test_rtcp_reader_contract_with_aiortc() -> None:
    """What of aiortc's own way is taken: the routing, and what it calls."""
    source = inspect.getsource(RTCDtlsTransport._handle_rtcp_data)
    assert "self._rtp_router.route_rtcp(packet)" in source
    assert "await recipient._handle_rtcp_packet(packet)" in source
    router: Any = RtpRouter()
    router.senders[THEIRS] = sender = object()
    (found,) = read_compound(compounds.fir(OURS, 0, (THEIRS, 1)))
    assert router.route_rtcp(found) == {sender}
