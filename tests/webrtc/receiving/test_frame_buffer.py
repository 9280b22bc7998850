"""Pictures out of packets that are lost, late and out of order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.webrtc.receiving.frame_buffer import (
    ASK_INTERVAL,
    CAPACITY,
    LATE,
    PATIENCE,
    PictureBuffer,
    VideoPacket,
)

CODE = b"\x00\x00\x00\x01"
SETS = CODE + b"\x67sps" + CODE + b"\x68pps"


class Stream:
    """Pictures as a far side sends them: `size` packets each, and 3000 ticks apart."""

    def __init__(self, start: int = 0) -> None:
        self.number = start
        self.pictures = 0
        # of each picture: which it is, and whether a key frame
        self.data: dict[bytes, tuple[int, bool]] = {}

    def key(self, size: int = 1) -> list[VideoPacket]:
        return self._picture(SETS + CODE + b"\x65", size, key=True)

    def delta(self, size: int = 1) -> list[VideoPacket]:
        return self._picture(CODE + b"\x41", size, key=False)

    def padding(self) -> list[VideoPacket]:
        """One packet of it, behind the last picture."""
        self.number += 1
        return [
            VideoPacket(
                (self.number - 1) & 0xFFFF, (self.pictures - 1) * 3000 & 0xFFFFFFFF, False, b""
            )
        ]

    def _picture(self, head: bytes, size: int, *, key: bool) -> list[VideoPacket]:
        parts = [b"%d.%d " % (self.pictures, at) for at in range(size)]
        parts[0] = head + parts[0]
        packets = [
            VideoPacket((self.number + at) & 0xFFFF, self.pictures * 3000, at == size - 1, part)
            for at, part in enumerate(parts)
        ]
        self.data[b"".join(parts)] = self.pictures, key
        self.number += size
        self.pictures += 1
        return packets


class Buffer:
    """What a stream's buffer gives out, by the number of the picture. A picture that is not whole
    is a KeyError.
    """

    def __init__(self, stream: Stream) -> None:
        self.now = 0.0
        self.pictures: list[int] = []
        self.times: list[int] = []
        self._stream = stream
        self._buffer = PictureBuffer(self._take)

    def add(self, *packets: VideoPacket) -> int:
        """How many of them ask for a key frame."""
        return sum(self._buffer.add(self.now, one) for one in packets)

    def _take(self, data: bytes, timestamp: int) -> None:
        self.pictures.append(self._stream.data[data][0])
        self.times.append(timestamp)


@pytest.fixture(params=[0, 0xFFFF, 0xFFFA], ids=["", "wraps at once", "wraps"])
def stream(request: pytest.FixtureRequest) -> Stream:
    return Stream(request.param)


@pytest.fixture
def buffer(stream: Stream) -> Buffer:
    return Buffer(stream)


def test_a_picture_comes_with_its_last_packet(stream: Stream, buffer: Buffer) -> None:
    *begun, last = stream.key(3)
    buffer.add(*begun)
    assert buffer.pictures == []
    buffer.add(last)
    assert buffer.pictures == [0]


def test_without_a_marker_it_comes_with_the_next_one(stream: Stream, buffer: Buffer) -> None:
    (key,) = stream.key()
    buffer.add(replace(key, marker=False), *stream.delta())
    assert buffer.pictures == [0, 1]
    assert buffer.times == [0, 3000]


def test_a_resent_packet_releases_all_that_waited(stream: Stream, buffer: Buffer) -> None:
    key, lost, *rest = stream.key(), stream.delta(), stream.delta(), stream.delta()
    buffer.add(*key, *rest[0], *rest[1])
    assert buffer.pictures == [0]
    buffer.add(*lost)
    assert buffer.pictures == [0, 1, 2, 3]


def test_timestamps_count_on_where_they_wrap(stream: Stream, buffer: Buffer) -> None:
    for packets in (stream.key(), stream.delta(), stream.delta()):
        buffer.add(*(replace(one, timestamp=(one.timestamp - 3001) % (1 << 32)) for one in packets))
    assert buffer.times == [0, 3000, 6000]


def test_padding_is_no_picture(stream: Stream, buffer: Buffer) -> None:
    asked = buffer.add(
        *stream.padding(), *stream.key(2), *stream.padding(), *stream.padding(), *stream.delta()
    )
    asked += buffer.add(*stream.padding(), *stream.delta())
    assert (buffer.pictures, asked) == ([0, 1, 2], 0)


def test_a_packet_that_never_comes_costs_what_follows_up_to_the_next_key_frame(
    stream: Stream, buffer: Buffer
) -> None:
    key, (_, *rest) = stream.key(), stream.delta(2)
    assert buffer.add(*key, *rest, *stream.delta()) == 0
    buffer.now = PATIENCE
    assert buffer.add(*stream.delta(2)) == 1
    assert buffer.add(*stream.delta(), *stream.delta(2)) == 0
    assert buffer.pictures == [0]
    assert buffer.add(*stream.key(3), *stream.delta()) == 0
    assert buffer.pictures == [0, 6, 7]


def test_a_key_frame_behind_the_hole_is_given_out_when_patience_is_over(
    stream: Stream, buffer: Buffer
) -> None:
    buffer.add(*stream.key())
    stream.delta()
    buffer.add(*stream.delta(2), *stream.key(3), *stream.delta())
    assert buffer.pictures == [0]
    buffer.now = PATIENCE
    # none has to be asked for
    assert buffer.add(*stream.delta()) == 0
    assert buffer.pictures == [0, 3, 4, 5]


def test_a_key_frame_right_behind_the_hole_is_whole(stream: Stream, buffer: Buffer) -> None:
    buffer.add(*stream.key())
    stream.delta()
    buffer.add(*stream.key(2))
    buffer.now = PATIENCE
    assert buffer.add(*stream.delta()) == 0
    assert buffer.pictures == [0, 2, 3]


def test_a_key_frame_that_still_arrives_when_patience_is_over_is_kept(
    stream: Stream, buffer: Buffer
) -> None:
    buffer.add(*stream.key())
    stream.delta()
    first, *rest = stream.key(3)
    buffer.add(first)
    buffer.now = PATIENCE
    buffer.add(*rest)
    assert buffer.pictures == [0, 2]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_hole_within_a_key_frame_costs_it_and_what_follows(
    stream: Stream, buffer: Buffer, lost: int
) -> None:
    buffer.add(*stream.key())
    key = stream.key(3)
    buffer.add(*key[:lost], *key[lost + 1 :], *stream.delta(), *stream.delta())
    buffer.now = PATIENCE
    assert buffer.add(*stream.delta()) == 1
    assert buffer.pictures == [0]
    assert buffer.add(*stream.key(), *stream.delta()) == 0
    assert buffer.pictures == [0, 5, 6]


def test_each_hole_has_patience_of_its_own(stream: Stream, buffer: Buffer) -> None:
    buffer.add(*stream.key())
    stream.delta()
    buffer.add(*stream.key())
    buffer.now = PATIENCE / 2
    late = stream.delta()
    buffer.add(*stream.key(2))
    buffer.now = PATIENCE
    buffer.add(*stream.delta())
    assert buffer.pictures == [0, 2]
    buffer.add(*late)
    assert buffer.pictures == [0, 2, 3, 4, 5]
    stream.delta()
    buffer.add(*stream.key())
    buffer.now = 2 * PATIENCE
    assert buffer.add(*stream.delta()) == 0
    assert buffer.pictures == [0, 2, 3, 4, 5, 7, 8]


def test_patience_begins_when_the_hole_is_seen(stream: Stream, buffer: Buffer) -> None:
    first, late, last = stream.key(3)
    buffer.add(first)
    buffer.now = PATIENCE
    assert buffer.add(last) == 0
    assert buffer.add(late) == 0
    assert buffer.pictures == [0]


def test_a_doubled_packet_does_not_prolong_it(stream: Stream, buffer: Buffer) -> None:
    buffer.add(*stream.key())
    late, _, *rest = stream.delta(4)
    buffer.add(*rest)
    buffer.now = PATIENCE / 2
    # and the hole is another one now
    buffer.add(*rest, late)
    buffer.now = PATIENCE
    assert buffer.add(*stream.delta()) == 1


def test_several_holes_are_given_up_together_where_they_are_as_old(
    stream: Stream, buffer: Buffer
) -> None:
    buffer.add(*stream.key())
    for _ in range(3):
        stream.delta()
        buffer.add(*stream.delta(2))
    stream.delta()
    buffer.add(*stream.key(), *stream.delta())
    buffer.now = PATIENCE
    assert buffer.add(*stream.delta()) == 0
    assert buffer.pictures == [0, 8, 9, 10]


def test_who_needs_a_key_frame_takes_it_from_behind_a_hole_at_once(
    stream: Stream, buffer: Buffer
) -> None:
    buffer.add(*stream.key())
    stream.delta()
    buffer.add(*stream.delta())
    buffer.now = PATIENCE
    assert buffer.add(*stream.delta()) == 1
    stream.delta()
    buffer.add(*stream.delta(), *stream.key(2))
    assert buffer.pictures == [0, 6]


def test_before_the_first_key_frame_nothing_is_given_out(stream: Stream, buffer: Buffer) -> None:
    assert buffer.add(*stream.delta(2), *stream.delta()) == 1
    assert buffer.add(*stream.key(), *stream.delta()) == 0
    assert buffer.pictures == [2, 3]


def test_a_key_frame_is_asked_for_once_a_second_until_it_comes(
    stream: Stream, buffer: Buffer
) -> None:
    buffer.add(*stream.key())
    asked = 0
    for tick in range(31):
        lost = tick % 3 == 0
        packets = stream.delta()
        buffer.now = tick * 0.1 * ASK_INTERVAL
        asked += 0 if lost else buffer.add(*packets)
    assert asked == 3
    assert buffer.pictures == [0]


def test_once_it_has_come_the_next_loss_asks_at_once(stream: Stream, buffer: Buffer) -> None:
    asked = []
    for _ in range(2):
        buffer.add(*stream.key())
        stream.delta()
        buffer.add(*stream.delta())
        buffer.now += PATIENCE
        asked.append(buffer.add(*stream.delta()))
    assert buffer.now < ASK_INTERVAL
    assert asked == [1, 1]


def test_a_key_frame_without_its_parameter_sets_goes_on_but_does_not_start(
    stream: Stream, buffer: Buffer
) -> None:
    def bare() -> list[VideoPacket]:
        return stream._picture(CODE + b"\x65", 1, key=True)

    buffer.add(*stream.key(), *bare(), *stream.delta())
    stream.delta()
    buffer.add(*bare())
    buffer.now = PATIENCE
    buffer.add(*stream.delta())
    assert buffer.pictures == [0, 1, 2]


def test_a_long_hole_and_what_comes_late_of_it(stream: Stream, buffer: Buffer) -> None:
    buffer.add(*stream.key())
    late = [packet for _ in range(CAPACITY + 100) for packet in stream.delta()]
    assert buffer.add(*stream.delta()) == 1
    buffer.add(*stream.key(), *late[-200:], *stream.delta())
    assert buffer.pictures[0] == 0
    assert buffer.pictures[1:] == [CAPACITY + 102, CAPACITY + 103]


def test_a_full_buffer_gives_up_its_first_hole(stream: Stream, buffer: Buffer) -> None:
    buffer.add(*stream.key())
    stream.delta()
    buffer.add(*stream.delta(), *stream.key(), *stream.delta())
    asked = sum(buffer.add(*stream.delta()) for _ in range(CAPACITY))
    assert asked == 0
    assert buffer.pictures == [0, *range(3, 5 + CAPACITY)]


def test_a_picture_that_does_not_fit_is_lost_whole(stream: Stream, buffer: Buffer) -> None:
    buffer.add(*stream.key())
    assert buffer.add(*stream.delta(CAPACITY + 1)) == 1
    buffer.add(*stream.delta(), *stream.key())
    assert buffer.pictures == [0, 3]


@pytest.mark.parametrize(("behind", "ssrc"), [(LATE + 10, 0), (5, 1)])
def test_a_far_side_that_counts_anew_starts_with_a_key_frame(
    stream: Stream, buffer: Buffer, behind: int, ssrc: int
) -> None:
    def renumbered(packets: list[VideoPacket]) -> list[VideoPacket]:
        return [
            replace(one, sequence_number=(one.sequence_number - behind) & 0xFFFF, ssrc=ssrc)
            for one in packets
        ]

    buffer.add(*stream.key(), *stream.delta())
    assert buffer.add(*renumbered(stream.delta())) == 1
    assert buffer.add(*renumbered(stream.key(2)), *renumbered(stream.delta())) == 0
    assert buffer.pictures == [0, 1, 3, 4]


@given(st.data(), st.integers(0, 0xFFFF))
def test_any_order_within_reach_gives_every_picture_once(data: st.DataObject, start: int) -> None:
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=12))
    stream = Stream(start)
    first, *rest = [
        one
        for at, size in enumerate(sizes)
        for one in (stream.delta(size) if at else stream.key(size))
    ]
    buffer = Buffer(stream)
    buffer.add(first, *data.draw(st.permutations(rest)))
    assert buffer.pictures == list(range(len(sizes)))
    assert buffer.times == [picture * 3000 for picture in range(len(sizes))]


# of each picture: whether a key frame, and of each packet how often it arrives, and how many
# seconds late
ARRIVALS = st.lists(
    st.one_of(st.just(0.0), st.just(0.0), st.just(0.0), st.floats(0, 3)), max_size=2
)
PICTURES = st.lists(
    st.tuples(st.booleans(), st.lists(ARRIVALS, min_size=1, max_size=5)), max_size=40
)


@given(PICTURES, st.integers(0, 0xFFFF), st.sampled_from([0.0, 0.03, 0.2]))
def test_whatever_is_lost_late_or_doubled_what_is_given_out_can_be_decoded(
    pictures: list[tuple[bool, list[list[float]]]], start: int, interval: float
) -> None:
    stream = Stream(start)
    arrivals: list[tuple[float, VideoPacket]] = []
    for at, (key, delays) in enumerate(pictures):
        packets = stream.key(len(delays)) if key else stream.delta(len(delays))
        for packet, times in zip(packets, delays, strict=True):
            arrivals += [(at * interval + late, packet) for late in times]
    buffer = Buffer(stream)
    for now, packet in sorted(arrivals, key=lambda arrival: arrival[0]):
        buffer.now = now
        buffer.add(packet)
    buffer.add(*stream.key(2))
    buffer.now += 2 * PATIENCE
    buffer.add(*stream.delta())
    keys = {picture for picture, key in stream.data.values() if key}
    given_out = buffer.pictures
    assert given_out[-2:] == [len(pictures), len(pictures) + 1]  # whatever was before
    assert given_out == sorted(set(given_out))
    assert all(picture in keys or picture - 1 in given_out for picture in given_out)
    assert buffer.times == [(picture - given_out[0]) * 3000 for picture in given_out]


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 0xFFFF), st.booleans(), st.binary(max_size=8)),
        max_size=40,
    )
)
def test_any_numbers_are_taken(packets: list[tuple[float, int, bool, bytes]]) -> None:
    buffer, now = PictureBuffer(lambda *_: None), 0.0
    for elapsed, number, marker, data in packets:
        now += elapsed
        buffer.add(now, VideoPacket(number, 3000 * (number // 4), marker, data))
