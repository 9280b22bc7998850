"""Whatever the order: what is given out can be decoded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.webrtc.receiving.frame_buffer import (
    PATIENCE,
    FrameBuffer,
    VideoPacket,
)
from tests.webrtc.receiving.streams import Buffer, Stream


@given(st.data(), st.integers(0, 0xFFFF))
def test_frame_buffer_any_order_within_reach_gives_every_picture_once(
    data: st.DataObject, start: int
) -> None:
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


ARRIVALS = st.lists(
    st.one_of(st.just(0.0), st.just(0.0), st.just(0.0), st.floats(0, 3)), max_size=2
)


PICTURES = st.lists(
    st.tuples(st.booleans(), st.lists(ARRIVALS, min_size=1, max_size=5)), max_size=40
)


@given(PICTURES, st.integers(0, 0xFFFF), st.sampled_from([0.0, 0.03, 0.2]))
def test_frame_buffer_whatever_is_lost_late_or_doubled_what_is_given_out_can_be_decoded(
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
def test_frame_buffer_any_numbers_are_taken(packets: list[tuple[float, int, bool, bytes]]) -> None:
    buffer, now = FrameBuffer(lambda *_: None), 0.0
    for elapsed, number, marker, data in packets:
        now += elapsed
        buffer.add(now, VideoPacket(number, 3000 * (number // 4), marker, data))
