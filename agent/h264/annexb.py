"""Reading H.264 Annex B without decoding it (ITU-T H.264 7.3, 7.4 and annex E). Pure; `data` is one
access unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

NAL_SLICE = 1
NAL_IDR = 5
NAL_SPS = 7
NAL_PPS = 8

START_CODE = b"\x00\x00\x01"

# ue(v) of 0 is a single bit
_FIRST_MACROBLOCK = 0x80
# samples; well above level 6.2
_MAX_SIZE = 16_384
# Profiles whose SPS carries chroma format, bit depth and scaling matrices (7.3.2.1.1).
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_EXTENDED_SAR = 255


@dataclass(frozen=True, slots=True)
class Sps:
    """What a sequence parameter set says of the picture. `framerate` is None where it has no
    timing.
    """

    width: int
    height: int
    profile_level_id: str
    framerate: float | None = None


def nal_units(data: bytes) -> Iterator[bytes]:
    """The NAL units of `data` in order, without start codes and trailing zeros; empty ones are
    skipped.
    """
    start = data.find(START_CODE)
    while start >= 0:
        start += len(START_CODE)
        end = data.find(START_CODE, start)
        nal = data[start : end if end >= 0 else len(data)].rstrip(b"\x00")
        if nal:
            yield nal
        start = end


def is_keyframe(data: bytes) -> bool:
    """Whether the picture is an IDR. Reads no further than the header of its first slice."""
    return any(data[at] & 0x1F == NAL_IDR for at in _headers_to_first_slice(data))


def begins_unit(data: bytes) -> bool:
    """Whether it begins with a NAL unit, and is not the rest of one."""
    return data.startswith((START_CODE, b"\x00" + START_CODE))


def begins_picture(data: bytes) -> bool:
    """Whether it begins with a NAL unit, and its first slice is the picture's first (7.4.3:
    first_mb_in_slice is 0), if it has any.
    """
    if not begins_unit(data):
        return False
    at = next((at for at in _headers_to_first_slice(data) if _is_slice(data[at])), None)
    return at is None or (at + 1 < len(data) and data[at + 1] >= _FIRST_MACROBLOCK)


def can_start(data: bytes) -> bool:
    """Whether a decoder can begin with it: an IDR behind its sequence and picture parameter
    sets.
    """
    if not begins_unit(data):
        return False
    types = [data[at] & 0x1F for at in _headers_to_first_slice(data)]
    return types[-1:] == [NAL_IDR] and NAL_SPS in types and NAL_PPS in types


def find_sps(data: bytes) -> bytes | None:
    """The first sequence parameter set before the first slice, without its start code."""
    for at in _headers_to_first_slice(data):
        if data[at] & 0x1F == NAL_SPS:
            end = data.find(START_CODE, at)
            return data[at : end if end >= 0 else len(data)].rstrip(b"\x00")
    return None


def parse_sps(nal: bytes) -> Sps:
    """Read a sequence parameter set. Raises ValueError where it is not one, or is cut or absurd."""
    if len(nal) < 4 or nal[0] & 0x1F != NAL_SPS:
        raise ValueError("not a sequence parameter set")
    bits = BitReader(without_emulation(nal[1:]))
    profile = bits.take(8)
    # constraint flags and level
    bits.take(16)
    bits.ue()  # seq_parameter_set_id
    chroma_format = _skip_high_profile_fields(bits) if profile in _HIGH_PROFILES else 1
    _skip_frame_numbering(bits)
    width, height = _read_size(bits, chroma_format)
    return Sps(width, height, nal[1:4].hex(), _read_framerate(bits))


def _headers_to_first_slice(data: bytes) -> Iterator[int]:
    """Offsets of NAL headers, up to and including the first slice's."""
    at = data.find(START_CODE)
    while 0 <= at < len(data) - len(START_CODE):
        at += len(START_CODE)
        yield at
        if _is_slice(data[at]):
            return
        at = data.find(START_CODE, at)


def _is_slice(header: int) -> bool:
    return NAL_SLICE <= header & 0x1F <= NAL_IDR


def without_emulation(data: bytes) -> bytes:
    """The payload without its emulation prevention bytes (7.4.1)."""
    return data.replace(b"\x00\x00\x03", b"\x00\x00")


class BitReader:
    """Bits of an RBSP, most significant first. Reading past the end raises ValueError."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the sequence parameter set is cut short")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def ue(self) -> int:
        """Unsigned Exp-Golomb (9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("an Exp-Golomb code is too long")
        return (1 << zeros) - 1 + self.take(zeros)

    def se(self) -> int:
        """Signed Exp-Golomb (9.1.1)."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def _skip_high_profile_fields(bits: BitReader) -> int:
    """Skip to log2_max_frame_num; returns chroma_format_idc."""
    chroma_format = bits.ue()
    if chroma_format > 3:
        raise ValueError(f"chroma_format_idc is {chroma_format}")
    if chroma_format == 3:
        bits.take(1)  # separate_colour_plane_flag
    bits.ue()  # bit_depth_luma
    bits.ue()  # bit_depth_chroma
    bits.take(1)  # qpprime_y_zero_transform_bypass
    if bits.take(1):
        for index in range(12 if chroma_format == 3 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma_format


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_frame_numbering(bits: BitReader) -> None:
    bits.ue()  # log2_max_frame_num
    order_type = bits.ue()
    if order_type == 0:
        bits.ue()
    elif order_type == 1:
        bits.take(1)
        bits.se()
        bits.se()
        cycle = bits.ue()
        if cycle > 255:
            raise ValueError(f"num_ref_frames_in_pic_order_cnt_cycle is {cycle}")
        for _ in range(cycle):
            bits.se()
    bits.ue()  # max_num_ref_frames
    bits.take(1)  # gaps_in_frame_num_value_allowed


def _read_size(bits: BitReader, chroma_format: int) -> tuple[int, int]:
    width = (bits.ue() + 1) * 16
    height_in_units = (bits.ue() + 1) * 16
    frame_only = bits.take(1)
    height = height_in_units * (2 - frame_only)
    if not frame_only:
        bits.take(1)  # mb_adaptive_frame_field
    bits.take(1)  # direct_8x8_inference
    if bits.take(1):
        unit_x = 2 if chroma_format in (1, 2) else 1
        unit_y = (2 if chroma_format == 1 else 1) * (2 - frame_only)
        left, right, top, bottom = (bits.ue() for _ in range(4))
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    if not (0 < width <= _MAX_SIZE and 0 < height <= _MAX_SIZE):
        raise ValueError(f"the picture would be {width}x{height}")
    return width, height


def _read_framerate(bits: BitReader) -> float | None:
    """Frames a second from the VUI (E.1.1). A cut VUI is common in the field and only costs the
    frame rate.
    """
    try:
        if not bits.take(1) or not _skip_to_timing(bits):
            return None
        tick, scale = bits.take(32), bits.take(32)
    except ValueError:
        return None
    return scale / (2 * tick) if tick and scale else None


def _skip_to_timing(bits: BitReader) -> int:
    """Skip the VUI to its timing; returns timing_info_present_flag."""
    if bits.take(1) and bits.take(8) == _EXTENDED_SAR:
        bits.take(32)
    if bits.take(1):  # overscan_info
        bits.take(1)
    if bits.take(1):  # video_signal_type
        bits.take(4)
        if bits.take(1):
            bits.take(24)
    if bits.take(1):  # chroma_loc_info
        bits.ue()
        bits.ue()
    return bits.take(1)


__all__ = [
    "NAL_IDR",
    "NAL_PPS",
    "NAL_SLICE",
    "NAL_SPS",
    "START_CODE",
    "Sps",
    "can_start",
    "find_sps",
    "is_keyframe",
    "nal_units",
    "parse_sps",
]
