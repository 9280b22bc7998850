from __future__ import annotations

import struct
from pathlib import Path

import pytest

from agent.core.rate.encoder_demand import EncoderDemand
from agent.errors import ConfigurationError, MediaUnavailable
from agent.media.auto_source import AutoSource, captures, is_camera
from agent.media.file.file_source import FileSource
from agent.media.pattern.pattern_source import PatternSource
from agent.media.picamera2.picamera2_source import Picamera2Source
from agent.media.source_choice import open_video_source
from agent.media.v4l2.v4l2_source import V4l2Source
from agent.media.video_hub import VideoHub
from agent.media.video_source import VideoOptions, VideoSource
from tests.fakes.video import FakeVideoSource

OPTIONS = VideoOptions()


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("auto", AutoSource),
        ("picamera2", Picamera2Source),
        ("pattern", PatternSource),
        ("file:clip.mp4", FileSource),
        ("file:C:/with:colons.mp4", FileSource),
        ("v4l2:/dev/video2", V4l2Source),
    ],
)
def test_names_of_sources(spec: str, kind: type) -> None:
    assert isinstance(open_video_source(spec, OPTIONS), kind)


@pytest.mark.parametrize(
    "spec", ["", "file:", "v4l2:", "file", "camera", "pattern:blue", "http://x"]
)
def test_a_name_that_is_none_is_a_fault_of_the_configuration(spec: str) -> None:
    with pytest.raises(ConfigurationError, match=r"video\.source"):
        open_video_source(spec, OPTIONS)


async def test_auto_looks_again_at_each_start() -> None:
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
def test_what_counts_as_a_webcam(answer: bytes, expected: bool) -> None:
    assert is_camera(answer) is expected


def test_other_files_are_no_webcams(tmp_path: Path) -> None:
    assert not captures(tmp_path / "missing")
    assert not captures(Path("/dev/null"))
