"""What arrives goes to every sink that is attached, from a key frame on."""

from __future__ import annotations

import pytest

from agent.client.remote_stream import START_LIMIT, START_SIZE, RemoteStream
from agent.ports import AccessUnit, DecodedAudio
from tests.fakes.sink import KeepingSink

SOUND = DecodedAudio(b"\0\0", 1, 0)


def picture(number: int, *, keyframe: bool = False, size: int = 1) -> AccessUnit:
    return AccessUnit(bytes(size), keyframe, number, float(number))


def numbers(sink: KeepingSink) -> list[int]:
    return [unit.pts for unit in sink.video]


def test_remote_stream_hands_everything_to_every_sink() -> None:
    stream, one, other = RemoteStream(), KeepingSink(), KeepingSink()
    stream.attach(one)
    stream.attach(other)
    stream.attach(one)
    stream.on_video(picture(0, keyframe=True))
    stream.on_video(picture(1))
    stream.on_audio(SOUND)
    assert numbers(one) == numbers(other) == [0, 1]
    assert one.audio == other.audio == [SOUND]


def test_remote_stream_detached_sink_gets_nothing_more() -> None:
    stream, sink = RemoteStream(), KeepingSink()
    stream.attach(sink)
    stream.detach(sink)
    stream.detach(sink)
    stream.on_video(picture(0, keyframe=True))
    stream.on_audio(SOUND)
    assert (sink.video, sink.audio) == ([], [])


def test_remote_stream_wants_sound_decoded_while_somebody_listens() -> None:
    stream, sink = RemoteStream(), KeepingSink()
    assert not stream.wants_audio
    stream.attach(sink)
    assert stream.wants_audio
    stream.detach(sink)
    assert not stream.wants_audio


def test_remote_stream_sink_attached_when_it_is_announced_misses_no_picture() -> None:
    stream, sink = RemoteStream(), KeepingSink()
    for number in range(-2, 5):
        stream.on_video(picture(number, keyframe=number == 0))
    stream.attach(sink)
    stream.on_video(picture(5))
    assert numbers(sink) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("count", "size"), [(START_LIMIT + 1, 1), (3, START_SIZE // 2)])
def test_remote_stream_sink_attached_later_waits_for_a_key_frame(count: int, size: int) -> None:
    stream, sink = RemoteStream(), KeepingSink()
    for number in range(count):
        stream.on_video(picture(number, keyframe=number == 0, size=size))
    stream.attach(sink)
    stream.on_video(picture(1000))
    assert numbers(sink) == []
    stream.on_video(picture(1001, keyframe=True))
    stream.on_video(picture(1002))
    assert numbers(sink) == [1001, 1002]


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_remote_stream_sink_that_fails_is_detached(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    stream, bad, good = RemoteStream(), KeepingSink(failure=RuntimeError("full")), KeepingSink()
    stream.attach(bad)
    stream.attach(good)
    for number in range(2):
        if kind == "video":
            stream.on_video(picture(number, keyframe=True))
        else:
            stream.on_audio(SOUND)
    assert len(good.video) + len(good.audio) == 2
    assert caplog.text.count("a sink failed") == 1
