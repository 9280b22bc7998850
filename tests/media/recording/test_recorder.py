from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from agent.errors import MediaUnavailable
from agent.media.file.clip import read_clip
from agent.media.pattern.timecode import read_strip
from agent.media.recording.muxer import Muxer
from agent.media.recording.recorder import QUEUE_LENGTH, Recorder
from agent.ports import AccessUnit, DecodedAudio
from tests.media.clips import write_clip
from tests.waiting import PATIENCE

pytestmark = pytest.mark.media


@pytest.fixture
def units(tmp_path: Path) -> list[AccessUnit]:
    """12 pictures at 25 fps, every sixth a key frame, with an RTP clock that begins anywhere."""
    clip = read_clip(write_clip(tmp_path / "clip.h264"), 25)
    return [AccessUnit(each.data, each.keyframe, 4_000_000_000 + each.offset, 0.0) for each in clip]


def sound(number: int, channels: int = 2) -> DecodedAudio:
    return DecodedAudio(b"\x00\x10" * 960 * channels, channels, 77_777 + number * 960)


class Arrivals:
    """A clock that says what it is told: arrival times are part of the test."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
async def test_recorder_recording_holds_every_picture_and_the_sound(
    tmp_path: Path, units: list[AccessUnit], suffix: str
) -> None:
    path = tmp_path / f"call{suffix}"
    clock = Arrivals()
    recorder = Recorder(path, clock=clock)
    for number, unit in enumerate(units):
        recorder.on_video(unit)
        recorder.on_audio(sound(2 * number))
        recorder.on_audio(sound(2 * number + 1))
        clock.now += 0.04
    await recorder.finished()
    assert (recorder.pictures, recorder.dropped) == (12, 0)
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert [round(float(frame.time or 0) * 25) for frame in frames] == list(range(12))
    shown = [
        read_strip(bytes(frame.planes[0]), frame.planes[0].line_size, frame.width)
        for frame in frames
    ]
    assert shown == [number * 40 for number in range(12)]
    with av.open(str(path)) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0))
    # a codec's own padding
    assert heard == pytest.approx(24 * 960, abs=2100)


async def test_recorder_video_is_not_encoded_again(tmp_path: Path, units: list[AccessUnit]) -> None:
    recorder = Recorder(tmp_path / "call.mkv", audio=False)
    for unit in units:
        recorder.on_video(unit)
    await recorder.finished()
    assert [each.data for each in read_clip(tmp_path / "call.mkv", 25)] == [
        each.data for each in units
    ]


async def test_recorder_begins_at_the_first_key_frame(
    tmp_path: Path, units: list[AccessUnit]
) -> None:
    recorder = Recorder(tmp_path / "call.mkv")
    recorder.on_audio(sound(0))
    for unit in units[3:]:
        recorder.on_video(unit)
    await recorder.finished()
    assert recorder.pictures == 6
    with av.open(str(tmp_path / "call.mkv")) as container:
        assert len(list(container.decode(video=0))) == 6


@pytest.mark.parametrize("channels", [1, 2])
async def test_recorder_sound_alone(tmp_path: Path, channels: int) -> None:
    recorder = Recorder(tmp_path / "call.mkv", video=False)
    for number in range(20):
        recorder.on_audio(sound(number, channels))
    await recorder.finished()
    with av.open(str(tmp_path / "call.mkv")) as container:
        assert [stream.type for stream in container.streams] == ["audio"]
        assert sum(frame.samples for frame in container.decode(audio=0)) == pytest.approx(
            20 * 960, abs=1000
        )


async def test_recorder_nothing_arrived_and_closing_twice_are_harmless(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "call.mkv")
    recorder.close()
    recorder.close()
    await recorder.finished()
    recorder.on_audio(sound(0))
    await recorder.finished()
    assert os.listdir(tmp_path) == []


async def test_recorder_earlier_recording_stays_where_nothing_arrived(tmp_path: Path) -> None:
    """As when the next call to be recorded is rejected."""
    path = tmp_path / "call.mkv"
    path.write_bytes(b"an earlier call")
    await Recorder(path).finished()
    assert path.read_bytes() == b"an earlier call"


@pytest.mark.parametrize("name", ["call.avi", "call", "nowhere/call.mkv"])
def test_recorder_file_that_cannot_be_written_is_said_at_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaUnavailable, match="call"):
        Recorder(tmp_path / name)


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Writing stands still until the result is called."""
    open_again = threading.Event()
    write = Muxer.add_video

    def add_video(muxer: Muxer, unit: AccessUnit, at: float) -> None:
        open_again.wait(PATIENCE)
        write(muxer, unit, at)

    monkeypatch.setattr(Muxer, "add_video", add_video)
    return open_again.set


async def test_recorder_slow_disk_costs_pictures_up_to_a_key_frame(
    tmp_path: Path, units: list[AccessUnit], slow_disk: Callable[[], None]
) -> None:
    recorder = Recorder(tmp_path / "call.mkv", audio=False)
    sent = 0
    while not recorder.dropped:
        unit = units[sent % len(units)]
        recorder.on_video(AccessUnit(unit.data, unit.keyframe, sent * 3600, 0.0))
        sent += 1
    assert QUEUE_LENGTH < sent <= QUEUE_LENGTH + 2
    for unit in units[1:6]:
        recorder.on_video(unit)
    assert recorder.dropped == 6
    slow_disk()
    await recorder.finished()
    assert recorder.pictures == sent - 1


async def test_recorder_disk_that_fails_is_told_and_costs_the_call_nothing(
    tmp_path: Path, units: list[AccessUnit], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Muxer, "add_video", full)
    recorder = Recorder(tmp_path / "call.mkv")
    recorder.on_video(units[0])
    with pytest.raises(MediaUnavailable, match="No space left"):
        await recorder.finished()
    recorder.on_video(units[0])
