"""Clips that no browser shows, or not every one, as they are made by cameras and phones."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.video.stream import VideoStream

from agent.errors import MediaUnavailable
from agent.media.base.video_source import VideoOptions
from agent.media.file.clip_check import READ_AT_ONCE, judge_clip
from agent.media.file.file_source import FileSource
from tests.media.clips import write_clip

pytestmark = pytest.mark.media


def clip(
    path: Path,
    *,
    size: tuple[int, int] = (320, 240),
    pix_fmt: str = "yuv420p",
    rate: int = 25,
    pictures: int = 6,
    prepare: Callable[[VideoStream], object] = lambda _stream: None,
    **options: str,
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.codec_context.options = {"preset": "ultrafast", "bf": "0", **options}
        prepare(stream)
        for number in range(pictures):
            frame = av.VideoFrame(*size, pix_fmt)
            for plane in frame.planes:
                # memory as it is found has values that no picture has, of which x264 aborts
                plane.update(bytes(plane.buffer_size))
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_judge_clip_that_every_browser_shows(tmp_path: Path) -> None:
    judged = judge_clip(write_clip(tmp_path / "clip.mp4"), 25)
    assert (judged.fault, judged.warnings) == (None, ())


def test_judge_clip_with_b_frames_behind_its_first_pictures(tmp_path: Path) -> None:
    path = clip(tmp_path / "late.mp4", pictures=60, bf="2", x264opts="b-adapt=0:keyint=30")
    assert "has B-frames" in (judge_clip(path, 25).fault or "")
    assert judge_clip(tmp_path / "none.mp4", 25).fault is not None


def test_judge_clip_larger_or_faster_than_browsers_show(tmp_path: Path) -> None:
    large = clip(tmp_path / "large.mp4", size=(4096, 3072), pictures=1)
    assert "no browser shows 4096x3072" in (judge_clip(large, 25).fault or "")
    fast = clip(tmp_path / "fast.mp4", size=(3840, 2160), rate=120, pictures=2)
    assert "120 fps: 64 fps" in (judge_clip(fast, 25).fault or "")


@pytest.mark.parametrize("pix_fmt", ["yuv422p", "yuv420p10le", "yuv444p"])
def test_judge_clip_of_other_pictures_warns(tmp_path: Path, pix_fmt: str) -> None:
    judged = judge_clip(clip(tmp_path / "clip.mp4", pix_fmt=pix_fmt), 25)
    (warning,) = judged.warnings
    assert judged.fault is None
    assert f"its pictures are {pix_fmt}" in warning


def test_judge_clip_that_is_interlaced_warns(tmp_path: Path) -> None:
    judged = judge_clip(clip(tmp_path / "clip.mp4", flags="+ilme+ildct"), 25)
    assert judged.fault is None
    assert [each for each in judged.warnings if "interlaced" in each]


@pytest.mark.parametrize("read_at_once", [READ_AT_ONCE, 0])
async def test_clip_that_its_header_turns_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_at_once: int
) -> None:
    """However long it is."""
    monkeypatch.setattr("agent.media.file.file_source.READ_AT_ONCE", read_at_once)
    path = clip(tmp_path / "phone.mp4", prepare=lambda stream: stream.set_display_rotation(90))
    assert "turns it by 90 degrees" in (judge_clip(path, 25).fault or "")
    with pytest.raises(MediaUnavailable, match="turns it by 90"):
        await FileSource(path, VideoOptions()).start(lambda _unit: None, lambda _failure: None)


def test_judge_clip_is_asked_anew_for_a_file_that_was_replaced(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", b_frames=2)
    assert judge_clip(path, 25).fault is not None
    write_clip(tmp_path / "new.mp4").replace(path)
    assert judge_clip(path, 25).fault is None
