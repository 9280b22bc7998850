"""The sequence parameter set of H.264, as far as callbox needs it (ITU-T H.264 7.3.2.1.1 and E.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

_WITH_CHROMA_FORMAT = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_EXTENDED_SAR = 255
_MONOCHROME, _YUV420, _YUV422 = 0, 1, 2
_MAX_EXP_GOLOMB_ZEROS = 32


@dataclass(frozen=True, slots=True)
class SequenceParameters:
    """`width` and `height` are what is shown (cropped), `profile_level_id` is RFC 6184's six hex digits.

    `framerate` is None where the stream does not say.
    """

    width: int
    height: int
    profile_level_id: str
    framerate: float | None


class BitReader:
    """Reads bits from the most significant one on. Past the end it raises ValueError."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def u(self, bits: int) -> int:
        """An unsigned number of `bits` bits."""
        if bits > self._left:
            raise ValueError("the H.264 header ends too early")
        self._left -= bits
        return (self._value >> self._left) & ((1 << bits) - 1)

    def flag(self) -> bool:
        return self.u(1) == 1

    def ue(self) -> int:
        """An unsigned Exp-Golomb number (9.1)."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > _MAX_EXP_GOLOMB_ZEROS:
                raise ValueError("the H.264 header has an impossible number")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb number (9.1.1)."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def unescape(payload: bytes) -> bytes:
    """Without the emulation prevention bytes (7.4.1)."""
    parts = payload.split(b"\x00\x00\x03")
    return b"\x00\x00".join(parts)


def parse_sps(unit: bytes) -> SequenceParameters:
    """Read one SPS NAL unit (header byte first, no start code). Raises ValueError for a broken one."""
    if len(unit) < 4:
        raise ValueError("the H.264 sequence parameter set is too short")
    bits = BitReader(unescape(unit[4:]))
    bits.ue()  # seq_parameter_set_id
    chroma = _read_chroma_format(bits) if unit[1] in _WITH_CHROMA_FORMAT else _YUV420
    _skip_order_and_references(bits)
    width, height = _read_size(bits, chroma)
    framerate = _read_framerate(bits) if bits.flag() else None
    return SequenceParameters(width, height, unit[1:4].hex(), framerate)


def _read_chroma_format(bits: BitReader) -> int:
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)  # separate_colour_plane_flag
    bits.ue()  # bit_depth_luma_minus8
    bits.ue()  # bit_depth_chroma_minus8
    bits.u(1)  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_order_and_references(bits: BitReader) -> None:
    bits.ue()  # log2_max_frame_num_minus4
    order = bits.ue()
    if order == 0:
        bits.ue()  # log2_max_pic_order_cnt_lsb_minus4
    elif order == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    bits.ue()  # max_num_ref_frames
    bits.u(1)  # gaps_in_frame_num_value_allowed_flag


def _read_size(bits: BitReader, chroma: int) -> tuple[int, int]:
    width = (bits.ue() + 1) * 16
    units = bits.ue() + 1
    frame_only = bits.flag()
    fields = 1 if frame_only else 2
    if not frame_only:
        bits.u(1)  # mb_adaptive_frame_field_flag
    bits.u(1)  # direct_8x8_inference_flag
    height = units * 16 * fields
    if not bits.flag():
        return width, height
    left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
    step_x = 2 if chroma in {_YUV420, _YUV422} else 1
    step_y = (2 if chroma == _YUV420 else 1) * fields
    return width - (left + right) * step_x, height - (top + bottom) * step_y


def _read_framerate(bits: BitReader) -> float | None:
    if bits.flag() and bits.u(8) == _EXTENDED_SAR:  # aspect_ratio_info_present_flag
        bits.u(32)
    if bits.flag():  # overscan_info_present_flag
        bits.u(1)
    if bits.flag():  # video_signal_type_present_flag
        bits.u(4)
        if bits.flag():
            bits.u(24)
    if bits.flag():  # chroma_loc_info_present_flag
        bits.ue()
        bits.ue()
    if not bits.flag():  # timing_info_present_flag
        return None
    tick, scale = bits.u(32), bits.u(32)
    return scale / (2 * tick) if tick and scale else None
