from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import MediaUnavailable
from agent.h264.parameter_sets import nal_types
from agent.media.file.clip import probe_clip, read_clip
from agent.media.pattern.timecode import read_strip
from agent.ports import VideoFormat
from tests.media.clips import FRAMERATE, HEIGHT, WIDTH, decode, write_clip, write_sound

pytestmark = pytest.mark.media


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts", ".h264", ".264"])
def test_clip_every_container_gives_the_same_pictures(tmp_path: Path, suffix: str) -> None:
    path = (
        write_clip(tmp_path / "clip.h264").rename(tmp_path / f"clip{suffix}")
        if suffix == ".264"
        else None
    )
    path = path or write_clip(tmp_path / f"clip{suffix}")
    pictures = list(read_clip(path, 30))
    assert [picture.keyframe for picture in pictures] == [number % 6 == 0 for number in range(12)]
    assert [picture.offset for picture in pictures] == [number * 3600 for number in range(12)]
    assert all({7, 8} <= set(nal_types(picture.data)) for picture in pictures if picture.keyframe)
    frames = decode(picture.data for picture in pictures)
    times = [
        read_strip(bytes(frame.planes[0]), frame.planes[0].line_size, WIDTH) for frame in frames
    ]
    assert times == [number * 40 for number in range(12)]


def test_clip_format_comes_from_the_stream(tmp_path: Path) -> None:
    for suffix in (".mp4", ".h264"):
        found = probe_clip(write_clip(tmp_path / f"clip{suffix}"), 30)
        assert found == VideoFormat(WIDTH, HEIGHT, FRAMERATE, found.profile_level_id)
        assert found.profile_level_id.startswith("42c0")


def read_whole(path: Path) -> None:
    probe_clip(path, 30)
    for _ in read_clip(path, 30):
        pass


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.mp4", "No such file"),
        ("missing.h264", "No such file"),
        ("empty.mp4", "Invalid data"),
        ("empty.h264", "no H.264 picture"),
        ("junk.mp4", "Invalid data"),
        ("junk.h264", "Invalid data"),
        ("mpeg4.mp4", "only mpeg4"),
        ("sound.wav", "no video"),
        ("b_frames.mp4", "B-frames"),
        ("b_frames.h264", "B-frames"),
    ],
)
def test_clip_what_cannot_be_sent_is_said_with_path_and_reason(
    tmp_path: Path, name: str, reason: str
) -> None:
    path = tmp_path / name
    kind = name.partition(".")[0]
    if kind in {"empty", "junk"}:
        path.write_bytes(b"junk" * 500 if kind == "junk" else b"")
    elif kind == "mpeg4":
        write_clip(path, codec="mpeg4")
    elif kind == "sound":
        write_sound(path)
    elif kind == "b_frames":
        write_clip(path, b_frames=2)
    with pytest.raises(MediaUnavailable, match=reason) as caught:
        read_whole(path)
    assert str(path) in str(caught.value)
