from __future__ import annotations

import time

import pytest

from agent.media.base.x264 import X264Encoder
from agent.media.pattern.picture import PatternPicture
from agent.ports import AccessUnit
from tests.bench.decoding import Examiner

WIDTH, HEIGHT = 320, 240


@pytest.fixture(scope="module")
def units() -> list[AccessUnit]:
    """Pictures of the test pattern, the first and the tenth of them a key frame."""
    encoder = X264Encoder(WIDTH, HEIGHT, 30, 500_000, 1_000_000)
    picture = PatternPicture(WIDTH, HEIGHT, "door-1")
    encoded = []
    for number in range(20):
        picture.draw(time.time_ns() // 1_000_000, number)
        encoded += encoder.encode(
            picture.frame, pts=3000 * number, captured_at=0.0, force_idr=number == 10
        )
    return encoded


def examine(units: list[AccessUnit]) -> Examiner:
    examiner = Examiner()
    for unit in units:
        examiner.on_video(unit)
    return examiner


def test_what_comes_as_it_was_encoded_is_in_order(units: list[AccessUnit]) -> None:
    examiner = examine(units)
    assert (examiner.pictures, examiner.keyframes) == (20, 2)
    assert not examiner.complaints
    assert len(examiner.ages) == 20


def test_what_is_left_out_up_to_a_key_frame_harms_nothing(units: list[AccessUnit]) -> None:
    assert not examine(units[:5] + units[10:]).complaints


def test_a_picture_that_refers_to_a_missing_one_is_undecodable(units: list[AccessUnit]) -> None:
    examiner = examine(units[:5] + units[6:])
    assert examiner.undecodable == 1
    assert "missing" in examiner.complaints[0]


def test_a_beginning_without_a_key_frame_is_undecodable(units: list[AccessUnit]) -> None:
    assert examine(units[1:3]).undecodable == 2


def test_a_picture_that_was_cut_off_is_undecodable(units: list[AccessUnit]) -> None:
    cut = AccessUnit(units[10].data[: len(units[10].data) // 2], True, 30_000, 0.0)
    examiner = examine([*units[:10], cut, *units[11:]])
    assert examiner.undecodable >= 1
    assert examiner.complaints[0].startswith("key frame 11, ")
