"""The streams of all conversations become one."""

from __future__ import annotations

from array import array

import pytest

from agent.media.sound.mixer import Mixer, add
from tests.fakes.playout import BrokenStream, FakeStream, constant


def test_mixer_without_a_stream_has_nothing() -> None:
    assert Mixer().read() is None


def test_mixer_of_one_stream_hands_its_frames_on() -> None:
    mixer = Mixer()
    mixer.attach(FakeStream([constant(5), None, constant(7)]))
    assert [mixer.read() for _ in range(4)] == [constant(5), None, constant(7), None]


def test_mixer_adds_streams_and_clips() -> None:
    mixer = Mixer()
    for value in (20_000, 20_000, -10_000):
        mixer.attach(FakeStream([constant(value), constant(value)]))
    mixer.attach(FakeStream([None, constant(30_000)]))
    assert mixer.read() == constant(30_000)
    assert mixer.read() == constant(32_767)


def test_add_clips_both_ways() -> None:
    assert array("h", add([constant(-20_000), constant(-20_000)]))[0] == -32_768


def test_mixer_does_not_read_a_stream_that_was_detached() -> None:
    mixer, stream, other = Mixer(), FakeStream([constant(1)] * 9), FakeStream([constant(2)] * 9)
    mixer.attach(stream)
    mixer.attach(stream)
    mixer.attach(other)
    assert mixer.read() == constant(3)
    mixer.detach(stream)
    mixer.detach(stream)
    assert mixer.read() == constant(2)
    assert stream.reads == 1


def test_mixer_tells_of_the_first_stream_and_the_last() -> None:
    told: list[bool] = []
    mixer, first, second = Mixer(told.append), FakeStream(), FakeStream()
    mixer.attach(first)
    mixer.attach(second)
    mixer.detach(first)
    assert told == [True]
    mixer.detach(second)
    assert told == [True, False]


def test_mixer_goes_on_without_a_stream_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    mixer = Mixer()
    mixer.attach(BrokenStream())
    mixer.attach(FakeStream([constant(4), constant(4)]))
    assert mixer.read() == constant(4)
    assert mixer.read() == constant(4)
    assert caplog.text.count("a stream failed") == 1
