"""What sources need to know of H.264 beyond `agent.h264.annexb`: parameter sets, slice types,
levels (ITU-T H.264 7.3).
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.h264.annexb import NAL_IDR as IDR
from agent.h264.annexb import NAL_PPS as PPS
from agent.h264.annexb import NAL_SLICE as SLICE
from agent.h264.annexb import NAL_SPS as SPS
from agent.h264.annexb import BitReader, Sps, nal_units, parse_sps, without_emulation

START_CODE = b"\x00\x00\x00\x01"

_B_SLICES = frozenset({1, 6})
# of each kind, and their bytes
MAX_SETS = 32
MAX_SET_SIZE = 2048

_SLICE_HEADER_LENGTH = 16
"""Bytes that surely hold the two numbers at the start of a slice header."""

_CONSTRAINED_BASELINE = {0x42: 0x40, 0x4D: 0x80, 0x58: 0xC0}
"""Of each profile the constraint flags that make it Constrained Baseline."""

# Macroblocks/s, macroblocks a picture, and kbit/s of the Baseline profile for each level (Table
#
_LEVELS = (
    (10, 1_485, 99, 64),
    (11, 3_000, 396, 192),
    (12, 6_000, 396, 384),
    (13, 11_880, 396, 768),
    (20, 11_880, 396, 2_000),
    (21, 19_800, 792, 4_000),
    (22, 20_250, 1_620, 4_000),
    (30, 40_500, 1_620, 10_000),
    (31, 108_000, 3_600, 14_000),
    (32, 216_000, 5_120, 20_000),
    (40, 245_760, 8_192, 20_000),
    (41, 245_760, 8_192, 50_000),
    (42, 522_240, 8_704, 50_000),
    (50, 589_824, 22_080, 135_000),
    (51, 983_040, 36_864, 240_000),
    (52, 2_073_600, 36_864, 240_000),
)


def nal_types(data: bytes) -> Iterator[int]:
    """The nal_unit_type of each unit, without copying any."""
    start = _after_start_code(data, 0)
    while start < len(data):
        yield data[start] & 0x1F
        start = _after_start_code(data, start)


def has_picture(data: bytes) -> bool:
    """False for parameter sets, SEI and delimiters that came alone."""
    return any(SLICE <= kind <= IDR for kind in nal_types(data))


def has_b_slices(data: bytes) -> bool:
    """A picture that may refer to later ones: it would be shown in another order than it is
    sent.
    """
    for unit in _headers_until_slice(data):
        if unit[0] & 0x1F == SLICE:
            header = BitReader(without_emulation(unit[1:_SLICE_HEADER_LENGTH]))
            header.ue()  # first_mb_in_slice
            return header.ue() % 5 in _B_SLICES
    return False


def _headers_until_slice(data: bytes) -> Iterator[bytes]:
    """NAL units up to and with the first slice, each cut to the bytes that a header needs."""
    start = _after_start_code(data, 0)
    while start < len(data):
        yield data[start : start + _SLICE_HEADER_LENGTH]
        if SLICE <= data[start] & 0x1F <= IDR:
            return
        start = _after_start_code(data, start)


def sequence_parameters(data: bytes) -> Sps | None:
    """The first SPS of an access unit, read; None where it has none. Raises ValueError for a broken
    one.
    """
    for unit in nal_units(data):
        if unit[0] & 0x1F == SPS:
            return parse_sps(unit)
    return None


def level_for(width: int, height: int, framerate: float, bitrate: int) -> int:
    """The lowest level_idc that allows this picture size (pixels), rate (1/s) and Baseline bitrate
    (bit/s).
    """
    macroblocks = -(-width // 16) * -(-height // 16)
    for level, per_second, per_picture, kilobits in _LEVELS:
        if (
            macroblocks <= per_picture
            and macroblocks * framerate <= per_second
            and bitrate <= kilobits * 1000
        ):
            return level
    return _LEVELS[-1][0]


def signaled_profile(profile_level_id: str) -> str:
    """How SDP spells a stream's profile: Constrained Baseline has many forms (RFC 6184, table 5),
    one of them usual.

    Many compare profiles as text, and find only that one.
    """
    profile, constraints = int(profile_level_id[:2], 16), int(profile_level_id[2:4], 16)
    needed = _CONSTRAINED_BASELINE.get(profile)
    constrained = needed is not None and constraints & needed == needed and not constraints & 0x0F
    return f"42e0{profile_level_id[4:]}" if constrained else profile_level_id


class ParameterSets:
    """Remembers SPS and PPS, and puts them before every IDR that comes without: a viewer may join
    at any of them. The last `MAX_SETS` of each kind, none larger than `MAX_SET_SIZE`: they may be a
    stranger's.
    """

    def __init__(self) -> None:
        self._sps: dict[bytes, bytes] = {}
        self._pps: dict[bytes, bytes] = {}

    def complete(self, data: bytes) -> bytes:
        """`data` (one access unit), with parameter sets in front where it has an IDR and lacks one
        kind of them.
        """
        kinds = set(nal_types(data))
        if SPS in kinds or PPS in kinds:
            self._remember(data)
        if IDR not in kinds or {SPS, PPS} <= kinds:
            return data
        missing = ([] if SPS in kinds else [*self._sps.values()]) + (
            [] if PPS in kinds else [*self._pps.values()]
        )
        return b"".join(START_CODE + unit for unit in missing) + data

    def _remember(self, data: bytes) -> None:
        for unit in nal_units(data):
            kind = unit[0] & 0x1F
            # The bytes after the header begin with the set's id; one set for each first byte is
            # enough of a key.
            if kind == SPS:
                _keep(self._sps, unit[1:5], unit)
            elif kind == PPS:
                _keep(self._pps, unit[1:2], unit)
            elif SLICE <= kind <= IDR:
                return


def _keep(sets: dict[bytes, bytes], key: bytes, unit: bytes) -> None:
    """As the newest: of two with one id the later counts."""
    if len(unit) > MAX_SET_SIZE:
        return
    sets.pop(key, None)
    sets[key] = unit
    if len(sets) > MAX_SETS:
        del sets[next(iter(sets))]


def _after_start_code(data: bytes, position: int) -> int:
    found = data.find(b"\x00\x00\x01", position)
    return len(data) if found < 0 else found + 3
