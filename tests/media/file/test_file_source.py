from __future__ import annotations

import threading
from itertools import count, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agent.media.file.file_source as file_module
from agent.errors import MediaEnded, MediaUnavailable
from agent.media.base.video_source import VideoOptions
from agent.media.file.clip import ClipPicture
from agent.media.file.file_source import ClipTimeline, FileSource, Playlist, Schedule
from agent.media.video_hub import VideoHub
from agent.ports import VideoSubscription
from tests.media.clips import FRAMERATE, decode, write_clip


def pictures(keyframe_every: int, size: int = 1) -> list[ClipPicture]:
    return [
        ClipPicture(
            number.to_bytes(2, "big") * size, number % keyframe_every == 0, number * 3600, 3600
        )
        for number in range(12)
    ]


def test_file_source_going_back_repeats_from_the_last_key_frame_and_then_goes_on() -> None:
    playlist = Playlist(iter(pictures(5)))
    assert [next(playlist).offset // 3600 for _ in range(8)] == list(range(8))
    playlist.back_to_keyframe()
    assert [next(playlist).offset // 3600 for _ in range(2)] == [5, 6]
    playlist.back_to_keyframe()
    assert [each.offset // 3600 for each in playlist] == [5, 6, 7, 8, 9, 10, 11]


def test_file_source_distance_too_long_to_remember_is_not_gone_back() -> None:
    playlist = Playlist(iter(pictures(6, size=1 << 20)))
    for _ in range(6):
        next(playlist)
    playlist.back_to_keyframe()
    assert next(playlist).offset // 3600 == 6


@given(st.lists(st.integers(0, 11), min_size=1, max_size=60))
def test_file_source_time_only_grows_whatever_is_played(order: list[int]) -> None:
    clip = pictures(5)
    timeline = ClipTimeline()
    times = [timeline.place(clip[index]) for index in order]
    assert times[0] == 0
    assert all(later > earlier for earlier, later in pairwise(times))


def test_file_source_pictures_are_due_at_their_own_distance_and_a_late_clip_goes_on_from_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("agent.media.file.file_source.time.monotonic", lambda: now)
    back = threading.Event()
    schedule = Schedule(Playlist(iter(pictures(5))), back)
    assert [schedule.next().captured_at for _ in range(3)] == pytest.approx([100.0, 100.04, 100.08])
    now = 105.0
    assert [schedule.next().captured_at for _ in range(2)] == pytest.approx([105.0, 105.04])
    back.set()
    again = schedule.next()
    assert again.keyframe
    assert again.captured_at == pytest.approx(105.08)
    assert not back.is_set()


@pytest.mark.media
@pytest.mark.parametrize("cached", [True, False])
async def test_file_source_loops_without_a_seam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    if not cached:
        monkeypatch.setattr(file_module, "CACHED_FILE_SIZE", 0)
    path = write_clip(tmp_path / "clip.mp4", pictures=6, gop=3)
    hub = VideoHub(FileSource(path, VideoOptions()))
    subscription = await hub.subscribe()
    units = [await subscription.next() for _ in range(15)]
    await hub.close()
    assert [unit.pts for unit in units] == [number * 90000 // FRAMERATE for number in range(15)]
    assert [unit.keyframe for unit in units] == [number % 3 == 0 for number in range(15)]
    assert len(decode(units)) == 15
    assert subscription.format.framerate == FRAMERATE


@pytest.mark.media
async def test_file_source_request_brings_the_last_key_frame_once_more(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", pictures=50, gop=50)
    hub = VideoHub(FileSource(path, VideoOptions()))
    subscription = await hub.subscribe()
    units = [await subscription.next() for _ in range(4)]
    subscription.request_keyframe()
    for number in count():
        units.append(await subscription.next())
        if units[-1].keyframe:
            break
        assert number < 2, "the key frame is late"
    units += [await subscription.next() for _ in range(3)]
    await hub.close()
    assert all(later.pts > earlier.pts for earlier, later in pairwise(units))
    assert len(decode(units)) == len(units)


@pytest.mark.media
async def test_file_source_late_subscriber_does_not_wait_for_a_long_group(tmp_path: Path) -> None:
    hub = VideoHub(
        FileSource(write_clip(tmp_path / "clip.mkv", pictures=100, gop=100), VideoOptions())
    )
    first = await hub.subscribe()
    for _ in range(3):
        await first.next()
    second = await hub.subscribe()
    unit = await second.next()
    assert unit.keyframe
    assert unit.pts < 20 * 90000 // FRAMERATE
    await hub.close()


async def test_file_source_missing_file_is_unavailable(tmp_path: Path) -> None:
    hub = VideoHub(FileSource(tmp_path / "no.mp4", VideoOptions()))
    with pytest.raises(MediaUnavailable, match="no such file"):
        await hub.subscribe()
    await hub.close()


async def read_to_the_end(subscription: VideoSubscription) -> None:
    for _ in range(100):
        await subscription.next()


@pytest.mark.media
async def test_file_source_file_that_vanishes_while_it_plays_ends_the_subscription(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_module, "CACHED_FILE_SIZE", 0)
    path = write_clip(tmp_path / "clip.mp4", pictures=3)
    hub = VideoHub(FileSource(path, VideoOptions()))
    subscription = await hub.subscribe()
    await subscription.next()
    path.unlink()
    with pytest.raises(MediaEnded, match=r"clip\.mp4"):
        await read_to_the_end(subscription)
    await hub.close()
