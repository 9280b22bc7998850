from __future__ import annotations

from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.h264 import annexb as h264

# SPS of encoders in the field: a Raspberry Pi's V4L2 encoder's kind of Baseline, and a cropped High
# of x264.
SPS_720P = bytes.fromhex("6742c01fda014016e840000003004000000f23c60ca8")
NALS = st.lists(
    st.builds(
        lambda kind, body: bytes([0x60 | kind]) + body.replace(b"\x00", b"\x11") + b"\x80",
        st.sampled_from([1, 5, 6, 7, 8, 9]),
        st.binary(max_size=20),
    ),
    max_size=6,
)


def annex_b(nals: list[bytes], code: bytes = b"\x00\x00\x00\x01") -> bytes:
    return b"".join(code + nal for nal in nals)


@given(NALS, st.sampled_from([b"\x00\x00\x01", b"\x00\x00\x00\x01", b"\x00\x00\x00\x00\x01"]))
def test_annexb_units_survive_any_start_code(nals: list[bytes], code: bytes) -> None:
    assert list(h264.nal_units(annex_b(nals, code))) == nals


@given(NALS)
def test_annexb_keyframe_is_a_first_slice_of_type_5(nals: list[bytes]) -> None:
    slices = [nal[0] & 0x1F for nal in nals if nal[0] & 0x1F in (1, 5)]
    assert h264.is_keyframe(annex_b(nals)) == (slices[:1] == [5])


@given(NALS)
def test_annexb_decoder_starts_with_a_keyframe_behind_its_parameter_sets(nals: list[bytes]) -> None:
    types = [nal[0] & 0x1F for nal in nals]
    before = types[: next((at for at, kind in enumerate(types) if kind in (1, 5)), len(types))]
    assert h264.can_start(annex_b(nals)) == (
        h264.is_keyframe(annex_b(nals)) and {7, 8} <= set(before)
    )
    # what is before it is lost
    assert not h264.can_start(b"\x05" + annex_b(nals))


@given(NALS)
def test_annexb_sps_before_the_first_slice_is_found(nals: list[bytes]) -> None:
    before: list[bytes] = []
    for nal in nals:
        if nal[0] & 0x1F in (1, 5):
            break
        before += [nal] if nal[0] & 0x1F == 7 else []
    assert h264.find_sps(annex_b(nals)) == (before[0] if before else None)


@given(st.binary(max_size=60))
def test_annexb_any_bytes_are_read_or_refused_with_a_value_error(data: bytes) -> None:
    list(h264.nal_units(data))
    h264.is_keyframe(data)
    h264.can_start(data)
    h264.find_sps(data)
    try:
        sps = h264.parse_sps(b"\x67" + data)
    except ValueError:
        return
    assert 0 < sps.width <= 16_384
    assert 0 < sps.height <= 16_384
    assert sps.framerate is None or sps.framerate > 0


@given(st.integers(0, len(SPS_720P) - 1))
def test_annexb_cut_sps_says_so_or_lacks_only_its_timing(length: int) -> None:
    try:
        sps = h264.parse_sps(SPS_720P[:length])
    except ValueError:
        return
    assert (sps.width, sps.height) == (1280, 720)


def test_annexb_sps_of_a_720p_camera() -> None:
    assert h264.parse_sps(SPS_720P) == h264.Sps(1280, 720, "42c01f", 30.0)


@pytest.mark.parametrize(
    "nal", [b"", b"\x67", b"\x68\x42\xc0\x1f\x80", b"\x67\x42\xc0\x1f" + bytes(40)]
)
def test_annexb_what_is_no_sps_is_refused(nal: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        h264.parse_sps(nal)


@pytest.mark.media
@pytest.mark.parametrize(
    ("profile", "size", "first_byte"),
    [
        ("Baseline", (320, 240), "42"),
        ("Main", (642, 482), "4d"),
        ("High", (1920, 1080), "64"),
        ("High", (18, 34), "64"),
    ],
)
def test_annexb_what_x264_writes_is_read(
    profile: str, size: tuple[int, int], first_byte: str
) -> None:
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = *size, "yuv420p"
    codec.framerate, codec.time_base = Fraction(25), Fraction(1, 25)
    codec.options = {"tune": "zerolatency", "preset": "fast"}
    codec.profile = profile
    units = []
    for number in range(2):
        frame = av.VideoFrame(*size, "yuv420p")
        frame.pts = number
        units += [bytes(packet) for packet in codec.encode(frame)]
    assert [h264.is_keyframe(unit) for unit in units] == [True, False]
    nal = h264.find_sps(units[0])
    assert nal is not None
    sps = h264.parse_sps(nal)
    assert (sps.width, sps.height, sps.framerate) == (*size, 25.0)
    assert sps.profile_level_id.startswith(first_byte)


def test_annexb_without_timing_there_is_no_frame_rate() -> None:
    # Baseline 3.0, 640x480, made by hand: no cropping, no VUI.
    bits = (
        "1"
        + "00101"
        + "011"
        + "010"
        + "0"
        + "00000101000"
        + "000011110"
        + "1"
        + "1"
        + "0"
        + "0"
        + "1"
    )
    body = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    found = h264.parse_sps(bytes.fromhex("6742c01e") + body)
    assert (found.width, found.height, found.framerate) == (640, 480, None)


@given(st.integers(0, 2**31))
def test_annexb_exp_golomb_is_read_back(number: int) -> None:
    code = number + 1
    total = 2 * code.bit_length() - 1
    data = (code << (-total % 8)).to_bytes(-(-total // 8), "big")
    assert h264.BitReader(data).ue() == number


def test_annexb_emulation_prevention_is_taken_out() -> None:
    assert (
        h264.without_emulation(b"\x00\x00\x03\x01\x00\x00\x03\x00") == b"\x00\x00\x01\x00\x00\x00"
    )


@pytest.mark.parametrize(
    ("data", "begins"),
    [
        (b"\x00\x00\x01\x65\x88", True),
        (b"\x00\x00\x00\x01\x67sps\x00\x00\x01\x65\x88", True),
        (b"\x00\x00\x01\x67sps", True),
        (b"\x00\x00\x01\x65\x40", False),
        (b"\x00\x00\x01\x65", False),
        (b"rest\x00\x00\x01\x65\x88", False),
        (b"", False),
    ],
)
def test_annexb_begins_picture_with_its_first_slice(data: bytes, begins: bool) -> None:
    assert h264.begins_picture(data) is begins
