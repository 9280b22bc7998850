"""Video and sound of a call in one file, on one time line."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.media.base.x264 import X264Encoder
from agent.media.recording.muxer import Muxer, RecordingTimeline
from agent.ports import AccessUnit, DecodedAudio


@given(st.lists(st.tuples(st.integers(0, 2**33), st.floats(0, 10_000)), min_size=2, max_size=50))
def test_recording_timeline_only_grows(arrivals: list[tuple[int, float]]) -> None:
    line = RecordingTimeline(90_000)
    ticks = [line.place(pts, at) for pts, at in arrivals]
    assert all(later > earlier for earlier, later in itertools.pairwise(ticks))


def test_recording_timeline_follows_the_mediums_clock_and_ties_a_new_one() -> None:
    line = RecordingTimeline(90_000)
    assert line.place(5_000, 0.0) == 0
    assert line.place(8_000, 0.05) == 3_000  # late by jitter
    assert line.place(1_000_000_000, 0.1) == 9_000
    assert line.place(1_000_003_000, 0.2) == 12_000


def picture(number: int) -> AccessUnit:
    encoder = X264Encoder(64, 64, 30.0, 100_000, 100_000)
    frame = av.VideoFrame(64, 64, "yuv420p")
    (unit,) = encoder.encode(frame, pts=number * 3000, captured_at=0.0, force_idr=True)
    return unit


def sound(number: int) -> DecodedAudio:
    return DecodedAudio(bytes(1920), channels=1, pts=number * 960)


def loud(number: int) -> DecodedAudio:
    """In stereo, as it is decoded."""
    return DecodedAudio(b"\x00\x40" * 960 + b"\x00\xc0" * 960, channels=2, pts=number * 960)


def test_muxer_puts_video_and_sound_at_their_time_of_arrival(tmp_path: Path) -> None:
    path = tmp_path / "call.mkv"
    muxer = Muxer(path, video=True, audio=True)
    muxer.add_audio(sound(0), 9.9)
    for number in range(3):
        muxer.add_video(picture(number), 10.0 + number / 30)
        muxer.add_audio(sound(number), 10.5 + number / 50)
    muxer.close()
    muxer.close()
    assert muxer.pictures == 3
    with av.open(str(path)) as container:
        first: dict[str, float] = {}
        for packet in container.demux():
            if packet.pts is not None:
                first.setdefault(packet.stream.type, float(packet.pts * packet.time_base))
    assert first["video"] == 0
    assert 0.4 < first["audio"] < 0.55


def test_muxer_sound_that_begins_late_is_at_its_time(tmp_path: Path) -> None:
    path = tmp_path / "call.mp4"
    muxer = Muxer(path, video=True, audio=True)
    for number in range(30):
        muxer.add_video(picture(number), number / 30)
    for number in range(20):
        muxer.add_audio(loud(number), 1 + number / 50)
    muxer.close()
    with av.open(str(path)) as container:
        heard = [each.time for each in container.decode(audio=0) if _loudness(each) > 0.1]
    # what the codec's window smears into the frame before counts for nothing
    assert 0.95 < (heard[1] or 0) < 1.05


def _loudness(frame: av.AudioFrame) -> float:
    return float(np.abs(frame.to_ndarray()).max())


def test_muxer_without_a_key_frame_writes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "call.mkv"
    muxer = Muxer(path, video=True, audio=True)
    muxer.add_video(AccessUnit(b"", keyframe=False, pts=0, captured_at=0.0), 1.0)
    muxer.add_audio(sound(0), 1.0)
    muxer.close()
    assert not path.exists()
