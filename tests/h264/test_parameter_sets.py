from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.h264.annexb import is_keyframe, nal_units
from agent.h264.parameter_sets import (
    MAX_SET_SIZE,
    MAX_SETS,
    START_CODE,
    ParameterSets,
    has_b_slices,
    has_picture,
    level_for,
    nal_types,
    sequence_parameters,
    signaled_profile,
)
from tests.fakes.video import PPS, SPS_720P, access_unit
from tests.media.clips import write_clip

IDR_SLICE = b"\x65\x88\x84"
P_SLICE = b"\x41\x9a\x24"


def annexb(*units: bytes) -> bytes:
    return b"".join(START_CODE + unit for unit in units)


@given(st.binary(max_size=200))
def test_parameter_sets_any_bytes_can_be_looked_at(data: bytes) -> None:
    list(nal_types(data))
    has_picture(data)
    has_b_slices_or_broken(data)
    ParameterSets().complete(data)


def has_b_slices_or_broken(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        has_b_slices(data)


def test_parameter_sets_key_frame_is_an_idr_slice() -> None:
    assert is_keyframe(annexb(SPS_720P, PPS, IDR_SLICE))
    assert not is_keyframe(annexb(P_SLICE))
    assert not is_keyframe(annexb(SPS_720P, PPS))
    assert not is_keyframe(b"")


def test_parameter_sets_alone_are_no_picture() -> None:
    assert not has_picture(annexb(SPS_720P, PPS))
    assert has_picture(annexb(P_SLICE))


def test_parameter_sets_idr_without_parameter_sets_gets_the_last_ones() -> None:
    sets = ParameterSets()
    whole = annexb(SPS_720P, PPS, IDR_SLICE)
    assert sets.complete(whole) is whole
    assert sets.complete(annexb(P_SLICE)) == annexb(P_SLICE)
    assert sets.complete(annexb(IDR_SLICE)) == whole


def test_parameter_sets_idr_with_only_an_sps_gets_the_pps() -> None:
    sets = ParameterSets()
    sets.complete(annexb(PPS))
    assert list(nal_types(sets.complete(annexb(SPS_720P, IDR_SLICE)))) == [8, 7, 5]


def test_parameter_sets_that_came_alone_are_remembered() -> None:
    sets = ParameterSets()
    sets.complete(annexb(SPS_720P, PPS))
    assert list(nal_types(sets.complete(annexb(IDR_SLICE)))) == [7, 8, 5]


def test_parameter_sets_sequence_parameters_of_an_access_unit() -> None:
    found = sequence_parameters(access_unit(1, key=True).data)
    assert found is not None
    assert (found.width, found.height, found.profile_level_id, found.framerate) == (
        1280,
        720,
        "42c01f",
        30.0,
    )
    assert sequence_parameters(access_unit(2).data) is None


@pytest.mark.parametrize(("b_frames", "expected"), [(0, False), (2, True)])
def test_parameter_sets_b_slices_are_seen(tmp_path: Path, b_frames: int, expected: bool) -> None:
    path = write_clip(tmp_path / "clip.h264", b_frames=b_frames)
    slices = [unit for unit in nal_units(path.read_bytes()) if unit[0] & 0x1F in {1, 5}]
    assert any(has_b_slices(START_CODE + unit) for unit in slices) is expected


@pytest.mark.parametrize(
    ("width", "height", "framerate", "bitrate", "level"),
    [
        (640, 480, 30, 2_000_000, 30),
        (1280, 720, 30, 4_000_000, 31),
        (1280, 720, 60, 4_000_000, 32),
        (1920, 1080, 30, 8_000_000, 40),
        (1920, 1080, 30, 25_000_000, 41),
        (1920, 1080, 60, 8_000_000, 42),
        (7680, 4320, 60, 8_000_000, 52),
    ],
)
def test_parameter_sets_lowest_level_that_fits(
    width: int, height: int, framerate: float, bitrate: int, level: int
) -> None:
    assert level_for(width, height, framerate, bitrate) == level


@pytest.mark.parametrize(
    ("stream", "sdp"),
    [
        ("42c01f", "42e01f"),
        ("42e01e", "42e01e"),
        ("424028", "42e028"),
        ("4d801f", "42e01f"),
        ("42001f", "42001f"),  # Baseline proper
        ("4d001f", "4d001f"),
        ("640028", "640028"),
        ("58c01e", "42e01e"),
    ],
)
def test_parameter_sets_constrained_baseline_is_spelled_as_usual(stream: str, sdp: str) -> None:
    assert signaled_profile(stream) == sdp


def test_parameter_sets_of_a_stranger_are_kept_within_bounds() -> None:
    sets = ParameterSets()
    for number in range(2 * MAX_SETS):
        sets.complete(annexb(bytes([0x67, 0x42, 0xC0, 1, number + 1, 9])))
    sets.complete(annexb(bytes([0x68]) + b"\x77" * MAX_SET_SIZE))
    completed = sets.complete(annexb(IDR_SLICE))
    assert list(nal_types(completed)).count(7) == MAX_SETS
    assert list(nal_types(completed)).count(8) == 0


def test_parameter_sets_that_come_again_stand_last() -> None:
    """Of two with one id a decoder takes the later."""
    one, other = b"\x67\x42\xc0\x01\xda", b"\x67\x42\xc0\x02\xda"
    sets = ParameterSets()
    for unit in (one, other, one):
        sets.complete(annexb(unit, PPS))
    assert list(nal_units(sets.complete(annexb(IDR_SLICE))))[:2] == [other, one]
