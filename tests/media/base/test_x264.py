from __future__ import annotations

import random

import av
import pytest

from agent.errors import MediaUnavailable
from agent.h264.parameter_sets import nal_types, sequence_parameters
from agent.media.base.x264 import X264Encoder
from agent.ports import AccessUnit
from tests.media.clips import decode

pytestmark = pytest.mark.media

WIDTH, HEIGHT, FRAMERATE = 320, 240, 30


class NoisyCamera:
    """Pictures that do not compress: the bitrate is what the rate control makes of it."""

    def __init__(self, encoder: X264Encoder) -> None:
        self._encoder = encoder
        self._frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        self._noise = random.Random(7).randbytes(2 * self._frame.planes[0].buffer_size)
        self._number = 0
        for plane in self._frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)

    def shoot(self, *, force_idr: bool = False) -> list[AccessUnit]:
        self._frame.make_writable()
        plane = self._frame.planes[0]
        start = self._number * 7919 % plane.buffer_size
        plane.update(self._noise[start : start + plane.buffer_size])
        pts = self._number * 3000
        self._number += 1
        return self._encoder.encode(
            self._frame, pts=pts, captured_at=pts / 90000, force_idr=force_idr
        )

    def bits(self, pictures: int) -> int:
        return 8 * sum(len(unit.data) for _ in range(pictures) for unit in self.shoot())


def encoder(bitrate: int = 1_000_000, max_bitrate: int = 4_000_000) -> X264Encoder:
    return X264Encoder(WIDTH, HEIGHT, FRAMERATE, bitrate, max_bitrate)


def test_x264_encoder_each_picture_comes_out_at_once() -> None:
    camera = NoisyCamera(encoder())
    for number in range(10):
        units = camera.shoot()
        assert [(unit.pts, unit.captured_at) for unit in units] == [(number * 3000, number / 30)]


def test_x264_encoder_forced_key_frame_is_an_idr_with_parameter_sets() -> None:
    camera = NoisyCamera(encoder())
    kinds = [camera.shoot(force_idr=number == 5)[0] for number in range(8)]
    assert [unit.keyframe for unit in kinds] == [
        True,
        False,
        False,
        False,
        False,
        True,
        False,
        False,
    ]
    assert [kind for kind in nal_types(kinds[5].data) if kind != 6] == [7, 8, 5]
    assert len(decode(kinds[5:])) == 3


@pytest.mark.parametrize(
    ("width", "height", "framerate"), [(320, 240, 30.0), (1280, 720, 30.0), (640, 480, 29.97)]
)
def test_x264_encoder_format_says_what_the_stream_says(
    width: int, height: int, framerate: float
) -> None:
    made = X264Encoder(width, height, framerate, 1_000_000, 2_000_000)
    unit = made.encode(av.VideoFrame(width, height, "yuv420p"), pts=0, captured_at=0.0)[0]
    found = sequence_parameters(unit.data)
    assert found is not None
    assert (found.width, found.height, found.profile_level_id) == (
        width,
        height,
        made.format.profile_level_id,
    )
    assert found.framerate == pytest.approx(framerate, rel=1e-3)


def test_x264_encoder_bitrate_follows_down_and_up_while_it_runs() -> None:
    made = encoder(bitrate=1_000_000)
    camera = NoisyCamera(made)
    camera.bits(60)
    rates = []
    for bitrate in (1_000_000, 300_000, 3_000_000):
        made.set_bitrate(bitrate)
        # the rate control settles
        camera.bits(60)
        rates.append(camera.bits(60) / 2)
    assert rates == [pytest.approx(wanted, rel=0.3) for wanted in (1_000_000, 300_000, 3_000_000)]


def test_x264_encoder_highest_bitrate_is_a_ceiling() -> None:
    made = encoder(bitrate=500_000, max_bitrate=600_000)
    camera = NoisyCamera(made)
    made.set_bitrate(50_000_000)
    camera.bits(60)
    assert camera.bits(60) / 2 < 800_000


def test_x264_encoder_size_that_cannot_be_encoded_is_unavailable() -> None:
    with pytest.raises(MediaUnavailable, match="321x240"):
        X264Encoder(321, 240, 30, 1_000_000, 1_000_000)
