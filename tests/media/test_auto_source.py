from __future__ import annotations

import struct
from pathlib import Path

import pytest

from agent.core.rate.encoder_demand import EncoderDemand
from agent.errors import MediaUnavailable
from agent.media.auto_source import AutoSource, captures, is_camera
from agent.media.base.video_source import VideoOptions, VideoSource
from agent.media.video_hub import VideoHub
from tests.fakes.video import FakeVideoSource

OPTIONS = VideoOptions()


async def test_auto_source_auto_looks_again_at_each_start() -> None:
    found = FakeVideoSource()
    answers: list[VideoSource | Exception] = [MediaUnavailable("no camera"), found]

    def find(options: VideoOptions) -> VideoSource:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    source = AutoSource(OPTIONS, find)
    assert source.describe().camera == "auto"
    hub = VideoHub(source, OPTIONS)
    with pytest.raises(MediaUnavailable, match="no camera"):
        await hub.subscribe()
    subscription = await hub.subscribe()
    subscription.request_keyframe()
    subscription.set_demand(EncoderDemand(500_000))
    assert (found.keyframe_requests, found.bitrates) == (1, [500_000])
    assert source.describe().camera == "fake"
    await hub.close()
    assert found.calls == ["start", "stop"]


def capability(driver: bytes, capabilities: int, device: int = 0) -> bytes:
    return struct.pack("=16s32s32sIII12x", driver, b"card", b"bus", 0, capabilities, device)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (capability(b"uvcvideo", 0x84A00001, 0x04200001), True),
        # a camera's second node has metadata only
        (capability(b"uvcvideo", 0x84A00001, 0x04A00000), False),
        (capability(b"old driver", 0x00000001), True),
        (capability(b"bcm2835-codec", 0x84204000, 0x04204000), False),
        (capability(b"unicam", 0x85A00001, 0x05200001), False),
        (capability(b"rp1-cfe", 0x85A00001, 0x05200001), False),
    ],
)
def test_is_camera_by_capabilities(answer: bytes, expected: bool) -> None:
    assert is_camera(answer) is expected


def test_captures_is_false_for_other_files(tmp_path: Path) -> None:
    assert not captures(tmp_path / "missing")
    assert not captures(Path("/dev/null"))
