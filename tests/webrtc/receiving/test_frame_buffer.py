"""Pictures out of packets that are lost, late and out of order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.webrtc.receiving.frame_buffer import (
    ASK_INTERVAL,
    CAPACITY,
    LATE,
    PATIENCE,
    VideoPacket,
)
from tests.webrtc.receiving.streams import CODE, Buffer, Stream


@pytest.fixture(params=[0, 0xFFFF, 0xFFFA], ids=["", "wraps at once", "wraps"])
def stream(request: pytest.FixtureRequest) -> Stream:
    return Stream(request.param)


@pytest.fixture
def buffer(stream: Stream) -> Buffer:
    return Buffer(stream)


def test_frame_buffer_picture_comes_with_its_last_packet(stream: Stream, buffer: Buffer) -> None:
    *begun, last = stream.key(3)
    buffer.add(*begun)
    assert buffer.pictures == []
    buffer.add(last)
    assert buffer.pictures == [0]


def test_frame_buffer_without_a_marker_it_comes_with_the_next_one(
    stream: Stream, buffer: Buffer
) -> None:
    (key,) = stream.key()
    buffer.add(replace(key, marker=False), *stream.delta())
    assert buffer.pictures == [0, 1]
    assert buffer.times == [0, 3000]


def test_frame_buffer_resent_packet_releases_all_that_waited(
    stream: Stream, buffer: Buffer
) -> None:
    key, lost, *rest = stream.key(), stream.delta(), stream.delta(), stream.delta()
    buffer.add(*key, *rest[0], *rest[1])
    assert buffer.pictures == [0]
    buffer.add(*lost)
    assert buffer.pictures == [0, 1, 2, 3]


def test_frame_buffer_timestamps_count_on_where_they_wrap(stream: Stream, buffer: Buffer) -> None:
    for packets in (stream.key(), stream.delta(), stream.delta()):
        buffer.add(*(replace(one, timestamp=(one.timestamp - 3001) % (1 << 32)) for one in packets))
    assert buffer.times == [0, 3000, 6000]


def test_frame_buffer_padding_is_no_picture(stream: Stream, buffer: Buffer) -> None:
    asked = buffer.add(
        *stream.padding(), *stream.key(2), *stream.padding(), *stream.padding(), *stream.delta()
    )
    asked += buffer.add(*stream.padding(), *stream.delta())
    assert (buffer.pictures, asked) == ([0, 1, 2], 0)


def test_frame_buffer_packet_that_never_comes_costs_what_follows_up_to_the_next_key_frame(
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


def test_frame_buffer_key_frame_behind_the_hole_is_given_out_when_patience_is_over(
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


def test_frame_buffer_key_frame_right_behind_the_hole_is_whole(
    stream: Stream, buffer: Buffer
) -> None:
    buffer.add(*stream.key())
    stream.delta()
    buffer.add(*stream.key(2))
    buffer.now = PATIENCE
    assert buffer.add(*stream.delta()) == 0
    assert buffer.pictures == [0, 2, 3]


def test_frame_buffer_key_frame_that_still_arrives_when_patience_is_over_is_kept(
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
def test_frame_buffer_hole_within_a_key_frame_costs_it_and_what_follows(
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


def test_frame_buffer_each_hole_has_patience_of_its_own(stream: Stream, buffer: Buffer) -> None:
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


def test_frame_buffer_patience_begins_when_the_hole_is_seen(stream: Stream, buffer: Buffer) -> None:
    first, late, last = stream.key(3)
    buffer.add(first)
    buffer.now = PATIENCE
    assert buffer.add(last) == 0
    assert buffer.add(late) == 0
    assert buffer.pictures == [0]


def test_frame_buffer_doubled_packet_does_not_prolong_it(stream: Stream, buffer: Buffer) -> None:
    buffer.add(*stream.key())
    late, _, *rest = stream.delta(4)
    buffer.add(*rest)
    buffer.now = PATIENCE / 2
    # and the hole is another one now
    buffer.add(*rest, late)
    buffer.now = PATIENCE
    assert buffer.add(*stream.delta()) == 1


def test_frame_buffer_several_holes_are_given_up_together_where_they_are_as_old(
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


def test_frame_buffer_who_needs_a_key_frame_takes_it_from_behind_a_hole_at_once(
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


def test_frame_buffer_before_the_first_key_frame_nothing_is_given_out(
    stream: Stream, buffer: Buffer
) -> None:
    assert buffer.add(*stream.delta(2), *stream.delta()) == 1
    assert buffer.add(*stream.key(), *stream.delta()) == 0
    assert buffer.pictures == [2, 3]


def test_frame_buffer_key_frame_is_asked_for_once_a_second_until_it_comes(
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


def test_frame_buffer_once_it_has_come_the_next_loss_asks_at_once(
    stream: Stream, buffer: Buffer
) -> None:
    asked = []
    for _ in range(2):
        buffer.add(*stream.key())
        stream.delta()
        buffer.add(*stream.delta())
        buffer.now += PATIENCE
        asked.append(buffer.add(*stream.delta()))
    assert buffer.now < ASK_INTERVAL
    assert asked == [1, 1]


def test_frame_buffer_key_frame_without_its_parameter_sets_goes_on_but_does_not_start(
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


def test_frame_buffer_long_hole_and_what_comes_late_of_it(stream: Stream, buffer: Buffer) -> None:
    buffer.add(*stream.key())
    late = [packet for _ in range(CAPACITY + 100) for packet in stream.delta()]
    assert buffer.add(*stream.delta()) == 1
    buffer.add(*stream.key(), *late[-200:], *stream.delta())
    assert buffer.pictures[0] == 0
    assert buffer.pictures[1:] == [CAPACITY + 102, CAPACITY + 103]


def test_frame_buffer_full_buffer_gives_up_its_first_hole(stream: Stream, buffer: Buffer) -> None:
    buffer.add(*stream.key())
    stream.delta()
    buffer.add(*stream.delta(), *stream.key(), *stream.delta())
    asked = sum(buffer.add(*stream.delta()) for _ in range(CAPACITY))
    assert asked == 0
    assert buffer.pictures == [0, *range(3, 5 + CAPACITY)]


def test_frame_buffer_picture_that_does_not_fit_is_lost_whole(
    stream: Stream, buffer: Buffer
) -> None:
    buffer.add(*stream.key())
    assert buffer.add(*stream.delta(CAPACITY + 1)) == 1
    buffer.add(*stream.delta(), *stream.key())
    assert buffer.pictures == [0, 3]


@pytest.mark.parametrize(("behind", "ssrc"), [(LATE + 10, 0), (5, 1)])
def test_frame_buffer_remote_peer_that_counts_anew_starts_with_a_key_frame(
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


# of each picture: whether a key frame, and of each packet how often it arrives, and how many
# seconds late
