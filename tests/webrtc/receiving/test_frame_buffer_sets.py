"""Parameter sets in a unit of their own, and key frames without any."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.webrtc.receiving.frame_buffer import PATIENCE
from tests.webrtc.receiving.streams import CODE, SETS, Buffer, Stream


@pytest.fixture
def stream() -> Stream:
    return Stream(0xFFFA)


@pytest.fixture
def buffer(stream: Stream) -> Buffer:
    return Buffer(stream)


@pytest.mark.parametrize("own_time", [True, False])
def test_frame_buffer_parameter_sets_of_their_own_stand_before_each_key_frame(
    own_time: bool, stream: Stream, buffer: Buffer
) -> None:
    asked = 0
    for _ in range(3):
        asked += buffer.add(*stream.sets(own_time=own_time), *stream.bare_key(2), *stream.delta())
    assert (buffer.pictures, asked) == ([0, 1, 2, 3, 4, 5], 0)
    assert buffer.times == [3000 * number for number in range(6)]


def test_frame_buffer_parameter_sets_at_the_start_serve_every_later_key_frame(
    stream: Stream, buffer: Buffer
) -> None:
    buffer.add(*stream.sets(), *stream.bare_key(), *stream.delta())
    stream.delta()
    buffer.add(*stream.delta(), *stream.bare_key(), *stream.delta())
    buffer.now = PATIENCE
    assert buffer.add(*stream.delta()) == 0
    assert buffer.pictures == [0, 1, 4, 5, 6]


def test_frame_buffer_key_frame_without_any_parameter_sets_is_asked_for_again(
    stream: Stream, buffer: Buffer
) -> None:
    assert buffer.add(*stream.bare_key(), *stream.delta()) == 1
    assert buffer.add(*stream.sets()) == 0
    assert buffer.pictures == []
    buffer.add(*stream.bare_key())
    assert buffer.pictures == [2]


def test_frame_buffer_parameter_sets_of_the_description_serve_every_key_frame(
    stream: Stream, buffer: Buffer
) -> None:
    buffer.take_parameter_sets(SETS)
    assert buffer.add(*stream.bare_key(), *stream.delta(), *stream.bare_key()) == 0
    assert buffer.pictures == [0, 1, 2]


def test_frame_buffer_rest_of_a_key_frame_of_several_slices_is_not_made_one(
    stream: Stream, buffer: Buffer
) -> None:
    buffer.add(*stream.sets())
    first, second = stream.bare_key(2)
    # its second slice: first_mb_in_slice is not 0
    rest = replace(second, data=CODE + b"\x65\x40rest")
    buffer.add(rest)
    buffer.now = PATIENCE
    buffer.add(*stream.delta())
    assert buffer.pictures == []
    assert first.data.startswith(CODE + b"\x65\x88")
