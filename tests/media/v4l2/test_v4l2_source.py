from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import pytest
from av.video.stream import VideoStream

from agent.errors import MediaUnavailable
from agent.h264.annexb import NAL_SLICE, START_CODE, nal_units
from agent.h264.parameter_sets import sequence_parameters
from agent.media.base import worker
from agent.media.base.video_source import VideoOptions
from agent.media.v4l2.v4l2_source import FrameEncoder, Packet, V4l2Source, decoded, device_options
from agent.media.video_hub import VideoHub
from agent.ports import AccessUnit
from tests.media.clips import decode, write_clip, write_sound
from tests.waiting import PATIENCE

OPTIONS = VideoOptions(width=320, height=240, framerate=25)


def test_v4l2_source_what_ffmpeg_is_asked_for() -> None:
    assert device_options(OPTIONS, "mjpeg") == {
        "video_size": "320x240",
        "framerate": "25",
        "input_format": "mjpeg",
    }
    assert "input_format" not in device_options(OPTIONS, "")


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/dev/video-that-is-not-there", "no such device"), ("/dev/null", "cannot capture 320x240")],
)
async def test_v4l2_source_device_that_cannot_be_used_is_unavailable(
    path: str, reason: str
) -> None:
    source = V4l2Source(Path(path), OPTIONS)
    hub = VideoHub(source, OPTIONS)
    with pytest.raises(MediaUnavailable, match=reason):
        await hub.subscribe()
    await hub.close()
    assert source.describe().camera == path


@pytest.mark.media
@pytest.mark.parametrize(
    ("pix_fmt", "width", "height"), [("yuyv422", 320, 240), ("yuvj422p", 640, 480)]
)
def test_v4l2_source_pictures_as_webcams_give_them_are_encoded(
    pix_fmt: str, width: int, height: int
) -> None:
    """The path of a real camera's pictures after decoding; the camera itself is not there."""
    encoder = FrameEncoder(OPTIONS)
    units = [
        unit
        for number in range(4)
        for unit in encoder.encode(
            av.VideoFrame(width, height, pix_fmt),
            pts=number * 3600,
            captured_at=0.0,
            force_idr=number == 2,
        )
    ]
    assert [unit.keyframe for unit in units] == [True, False, True, False]
    found = sequence_parameters(units[0].data)
    assert found is not None
    assert (found.width, found.height) == (320, 240)
    assert (
        found.profile_level_id == V4l2Source(Path("/dev/video0"), OPTIONS).format.profile_level_id
    )


@pytest.mark.media
@pytest.mark.parametrize("damaged", [b"", b"\xff\xd8", bytes(500)])
def test_v4l2_source_damaged_picture_costs_no_more_than_itself(damaged: bytes) -> None:
    camera, decoder = av.CodecContext.create("mjpeg", "w"), av.CodecContext.create("mjpeg", "r")
    camera.width, camera.height, camera.pix_fmt, camera.time_base = (
        320,
        240,
        "yuvj420p",
        Fraction(1, 25),
    )
    jpegs = [
        bytes(packet)
        for _ in range(3)
        for packet in camera.encode(av.VideoFrame(320, 240, "yuvj420p"))
    ]
    jpegs.insert(1, damaged)
    packets = [cast("Packet", av.Packet(jpeg)) for jpeg in jpegs]
    assert len(list(decoded(packets, decoder))) == 3


async def until_the_end(source: V4l2Source) -> tuple[list[AccessUnit], Exception]:
    """Everything that comes when a clip stands in for the device, and why it ended."""
    units: list[AccessUnit] = []
    failed: asyncio.Queue[Exception] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def told(error: Exception) -> None:
        loop.call_soon_threadsafe(failed.put_nowait, error)

    await source.start(units.append, told)
    reason = await asyncio.wait_for(failed.get(), PATIENCE)
    await source.stop()
    return units, reason


def stand_in(monkeypatch: pytest.MonkeyPatch, clip: Path) -> V4l2Source:
    monkeypatch.setattr(
        "agent.media.v4l2.v4l2_source.open_device", lambda path, options: av.open(str(clip), "r")
    )
    return V4l2Source(Path("/dev/video0"), OPTIONS)


@pytest.mark.media
async def test_v4l2_source_h264_of_a_stand_in_is_passed_through_with_its_own_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = stand_in(monkeypatch, write_clip(tmp_path / "clip.h264"))
    units, reason = await until_the_end(source)
    assert [unit.keyframe for unit in units] == [number % 6 == 0 for number in range(12)]
    assert len(decode(units)) == 12
    assert source.format.profile_level_id == "42c00d"
    assert source.describe().encoder == "in the camera"
    assert "no more pictures" in str(reason)


@pytest.mark.media
async def test_v4l2_source_camera_that_is_in_the_middle_of_its_h264_begins_with_its_next_key_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_clip(tmp_path / "clip.h264").read_bytes()
    slices = [unit for unit in nal_units(whole) if unit[0] & 0x1F == NAL_SLICE]
    middle = tmp_path / "middle.h264"
    middle.write_bytes(whole[whole.index(slices[1]) - len(START_CODE) :])
    units, _ = await until_the_end(stand_in(monkeypatch, middle))
    assert [unit.keyframe for unit in units] == [number == 0 for number in range(6)]
    assert len(decode(units)) == 6


@pytest.mark.media
async def test_v4l2_source_pictures_of_a_stand_in_are_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = stand_in(monkeypatch, write_clip(tmp_path / "clip.mp4", codec="mpeg4"))
    source.request_keyframe()
    units, reason = await until_the_end(source)
    assert units[0].keyframe
    assert len(decode(units)) == 12
    assert source.describe().encoder == "libx264"
    assert "no more pictures" in str(reason)


class SilentDevice:
    """Gives the packets of a clip, and then nothing until it is unplugged: FFmpeg waits in the
    kernel meanwhile.
    """

    def __init__(self, clip: Path) -> None:
        self._clip = av.open(str(clip), "r")
        self.streams = self._clip.streams
        self.read, self.unplugged, self.closed = (
            threading.Event(),
            threading.Event(),
            threading.Event(),
        )
        # closed while a thread was in it
        self.torn = False

    def demux(self, stream: VideoStream) -> Iterator[Packet]:
        yield from self._clip.demux(stream)
        self.read.set()
        self.unplugged.wait(30)
        self.torn = self.closed.is_set()

    def close(self) -> None:
        self.closed.set()
        self._clip.close()

    def __enter__(self) -> SilentDevice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.mark.media
async def test_v4l2_source_device_that_hangs_is_closed_by_the_thread_that_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    device = SilentDevice(write_clip(tmp_path / "clip.h264"))
    monkeypatch.setattr("agent.media.v4l2.v4l2_source.open_device", lambda path, options: device)
    monkeypatch.setattr(worker, "STOP_TIMEOUT", 0.01)
    source = V4l2Source(Path("/dev/video0"), OPTIONS)
    await source.start(lambda unit: None, lambda error: None)
    assert await asyncio.to_thread(device.read.wait, PATIENCE)
    await source.stop()
    assert "is left behind" in caplog.text
    assert not device.closed.is_set()
    device.unplugged.set()
    assert await asyncio.to_thread(device.closed.wait, PATIENCE)
    assert not device.torn


@pytest.mark.media
async def test_v4l2_source_stand_in_without_pictures_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = VideoHub(stand_in(monkeypatch, write_sound(tmp_path / "sound.wav")), OPTIONS)
    with pytest.raises(MediaUnavailable, match="no pictures"):
        await hub.subscribe()
    await hub.close()
