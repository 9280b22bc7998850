"""Pictures out of packets that are lost, late and out of order."""

from __future__ import annotations

from typing import Any

from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from agent.webrtc.inside.receiving import PATIENCE, PictureBuffer


def packet(number: int, picture: int, *, last: bool = False) -> Any:
    made: Any = RtpPacket(sequence_number=number & 0xFFFF, timestamp=picture * 3000, marker=int(last))
    made._data = bytes([number & 0xFF])
    return made


class Buffer:
    def __init__(self) -> None:
        self.now = 0.0
        self.pictures: list[tuple[bytes, int]] = []
        self._buffer = PictureBuffer(lambda data, pts: self.pictures.append((data, pts)), lambda: self.now)

    def add(self, *packets: Any) -> list[bool]:
        """Whether each of them asks for a key frame."""
        flags = [self._buffer.add(one) for one in packets]
        assert all(frame is None for _, frame in flags)
        return [flag for flag, _ in flags]


def test_a_picture_comes_with_its_last_packet() -> None:
    buffer = Buffer()
    buffer.add(packet(1, 0), packet(2, 0))
    assert buffer.pictures == []
    buffer.add(packet(3, 0, last=True))
    assert buffer.pictures == [(b"\x01\x02\x03", 0)]


def test_without_a_marker_it_comes_with_the_next_one() -> None:
    buffer = Buffer()
    buffer.add(packet(1, 0), packet(2, 1, last=True))
    assert buffer.pictures == [(b"\x01", 0), (b"\x02", 3000)]


def test_a_resent_packet_releases_all_that_waited() -> None:
    buffer = Buffer()
    buffer.add(packet(1, 0, last=True), packet(3, 2, last=True), packet(4, 3, last=True))
    assert len(buffer.pictures) == 1
    buffer.add(packet(2, 1, last=True))
    assert [data for data, _ in buffer.pictures] == [b"\x01", b"\x02", b"\x03", b"\x04"]


def test_a_packet_that_never_comes_costs_a_key_frame_and_no_broken_picture() -> None:
    buffer = Buffer()
    buffer.add(packet(1, 0, last=True))
    assert not any(buffer.add(packet(3, 1), packet(4, 1, last=True), packet(5, 2)))
    buffer.now = PATIENCE
    assert buffer.add(packet(6, 2)) == [True]
    assert not any(buffer.add(packet(7, 2, last=True), packet(8, 3, last=True)))
    assert [data for data, _ in buffer.pictures] == [b"\x01", b"\x08"]
    buffer.now = 10.0
    assert not any(buffer.add(packet(9, 4, last=True)))


def test_patience_begins_anew_with_each_hole() -> None:
    buffer = Buffer()
    buffer.add(packet(1, 0, last=True), packet(3, 2, last=True), packet(2, 1, last=True))
    buffer.now = PATIENCE
    assert not any(buffer.add(packet(5, 4, last=True)))
    buffer.now = 2 * PATIENCE
    assert any(buffer.add(packet(6, 5, last=True)))


@given(st.data(), st.integers(0, 0xFFFF))
def test_any_order_within_reach_gives_every_picture_once(data: st.DataObject, start: int) -> None:
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=12))
    packets: list[Any] = []
    for picture, size in enumerate(sizes):
        packets += [packet(start + len(packets) + at, picture, last=at == size - 1) for at in range(size)]
    first, rest = packets[0], packets[1:]
    buffer = Buffer()
    buffer.add(first)
    shuffled = data.draw(st.permutations(rest))
    buffer.add(*shuffled)
    assert [pts for _, pts in buffer.pictures] == [picture * 3000 for picture in range(len(sizes))]
    assert [len(unit) for unit, _ in buffer.pictures] == sizes
