from __future__ import annotations

import itertools
import time

import pytest

from agent.errors import MediaUnavailable
from agent.h264.parameter_sets import sequence_parameters, signaled_profile
from agent.media.base.video_source import VideoOptions
from agent.media.pattern.pattern_source import PatternSource
from agent.media.pattern.timecode import MODULUS, read_strip
from agent.media.video_hub import VideoHub
from agent.ports import AccessUnit, VideoSubscription
from tests.media.clips import decode

pytestmark = pytest.mark.media

OPTIONS = VideoOptions(width=320, height=240, framerate=50, uid="door-1")


async def take(subscription: VideoSubscription, count: int) -> list[AccessUnit]:
    return [await subscription.next() for _ in range(count)]


async def test_pattern_source_capture_time_is_in_the_picture() -> None:
    hub = VideoHub(PatternSource(OPTIONS), OPTIONS)
    before = time.time_ns() // 1_000_000
    units = await take(await hub.subscribe(), 10)
    after = time.time_ns() // 1_000_000
    await hub.close()
    frames = decode(units)
    assert len(frames) == len(units)
    times = [
        read_strip(memoryview(each.planes[0]), each.planes[0].line_size, each.width)
        for each in frames
    ]
    shown = [each for each in times if each is not None]
    assert len(shown) == len(times)
    assert shown == sorted(shown)
    assert before % MODULUS <= shown[0]
    assert shown[-1] <= after % MODULUS
    # pts, captured_at and the strip tell of the same moments.
    for unit, moment in zip(units, shown, strict=True):
        assert (unit.pts - units[0].pts) / 90 == pytest.approx(moment - shown[0], abs=100)
        assert (unit.captured_at - units[0].captured_at) * 90000 == pytest.approx(
            unit.pts - units[0].pts, abs=2
        )


async def test_pattern_source_first_is_a_key_frame_and_pts_only_grow() -> None:
    hub = VideoHub(PatternSource(OPTIONS), OPTIONS)
    subscription = await hub.subscribe()
    units = await take(subscription, 10)
    await hub.close()
    assert [unit.keyframe for unit in units] == [True] + [False] * 9
    assert all(later.pts > earlier.pts for earlier, later in itertools.pairwise(units))
    found = sequence_parameters(units[0].data)
    assert found is not None
    assert signaled_profile(found.profile_level_id) == subscription.format.profile_level_id


async def test_pattern_source_key_frame_comes_within_two_pictures_of_the_request() -> None:
    hub = VideoHub(PatternSource(OPTIONS), OPTIONS)
    subscription = await hub.subscribe()
    for unit in await take(subscription, 5):
        last = unit
    subscription.request_keyframe()
    requested_at = time.monotonic()
    following = await take(subscription, 10)
    await hub.close()
    assert last is not None
    # The picture that was being drawn when the request came may already be the one.
    drawn_before = [unit for unit in following if unit.captured_at <= requested_at]
    assert any(unit.keyframe for unit in following[: len(drawn_before) + 2])


async def test_pattern_source_shared_by_two_gives_the_second_its_key_frame() -> None:
    hub = VideoHub(PatternSource(OPTIONS), OPTIONS)
    first = await hub.subscribe()
    await take(first, 5)
    second = await hub.subscribe()
    joined = await take(second, 3)
    assert joined[0].keyframe
    assert len(decode(joined)) == 3
    sent_to_first = {unit.pts: unit.data for unit in await take(first, 6)}
    await hub.close()
    assert sum(sent_to_first.get(unit.pts) == unit.data for unit in joined) >= 1


async def test_pattern_source_starts_again_after_a_stop() -> None:
    hub = VideoHub(PatternSource(OPTIONS), OPTIONS)
    for _ in range(3):
        subscription = await hub.subscribe()
        assert (await subscription.next()).keyframe
        subscription.close()
    await hub.close()


@pytest.mark.parametrize(("width", "height"), [(64, 240), (320, 32), (321, 240), (320, 241)])
async def test_pattern_source_impossible_size_is_unavailable(width: int, height: int) -> None:
    # past the settings, which refuse most of these
    options = VideoOptions().model_copy(update={"width": width, "height": height})
    hub = VideoHub(PatternSource(options), options)
    with pytest.raises(MediaUnavailable, match=f"{width}x{height}"):
        await hub.subscribe()
    await hub.close()
