from __future__ import annotations

import contextlib
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.media.h264 import sequence_parameters
from agent.media.sps import BitReader, parse_sps, unescape


def encoded(width: int, height: int, *, profile: str, pix_fmt: str = "yuv420p", rate: int = 25) -> bytes:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = width, height, pix_fmt
    context.time_base, context.framerate = Fraction(1, rate), Fraction(rate)
    context.profile = profile
    context.options = {"preset": "veryfast", "tune": "zerolatency"}
    return b"".join(bytes(packet) for packet in context.encode(av.VideoFrame(width, height, pix_fmt)))


@pytest.mark.parametrize(
    ("width", "height", "profile", "pix_fmt"),
    [
        (1280, 720, "Baseline", "yuv420p"),
        (1920, 1080, "High", "yuv420p"),
        (318, 242, "Main", "yuv420p"),
        (100, 50, "High 4:2:2", "yuv422p"),
        (101, 51, "High 4:4:4 Predictive", "yuv444p"),
    ],
)
def test_the_size_is_the_cropped_one(width: int, height: int, profile: str, pix_fmt: str) -> None:
    found = sequence_parameters(encoded(width, height, profile=profile, pix_fmt=pix_fmt))
    assert found is not None
    assert (found.width, found.height) == (width, height)
    assert found.framerate == 25.0


@pytest.mark.parametrize(("profile", "start"), [("Baseline", "42c0"), ("Main", "4d40"), ("High", "6400")])
def test_profile_level_id_is_read_from_the_header(profile: str, start: str) -> None:
    found = sequence_parameters(encoded(640, 360, profile=profile))
    assert found is not None
    assert found.profile_level_id.startswith(start)


def test_without_timing_there_is_no_frame_rate() -> None:
    # Baseline 3.0, 640x480, made by hand: no cropping, no VUI.
    bits = "1" + "00101" + "011" + "010" + "0" + "00000101000" + "000011110" + "1" + "1" + "0" + "0" + "1"
    body = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    found = parse_sps(bytes.fromhex("6742c01e") + body)
    assert (found.width, found.height, found.framerate) == (640, 480, None)


@given(st.binary(max_size=64))
def test_a_broken_set_is_a_value_error_or_a_result(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert len(parse_sps(b"\x67" + body).profile_level_id) == 6


@given(st.integers(0, 2**31))
def test_exp_golomb_is_read_back(number: int) -> None:
    code = number + 1
    length = code.bit_length()
    total = 2 * length - 1
    data = (code << (-total % 8)).to_bytes(-(-total // 8), "big")
    assert BitReader(data).ue() == number


def test_emulation_prevention_is_taken_out() -> None:
    assert unescape(b"\x00\x00\x03\x01\x00\x00\x03\x00") == b"\x00\x00\x01\x00\x00\x00"
