"""Codec lines of strangers: white space, case and trailing marks made plain.

RFC 8866 6.6 and 6.15, RFC 6184 8.1, RFC 7587 7.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from agent.h264.annexb import NAL_PPS, NAL_SPS, START_CODE

# taken for RTCP where both share a port (RFC 5761 4)
_RESERVED = range(64, 96)
_RTPMAP = re.compile(r"a=rtpmap:(\d{1,3})\s+([\w.+-]+)/(\d{1,7})(/\d{1,2})?$")
_FMTP = re.compile(r"a=fmtp:(\d{1,3})\s+(.*)$")
_PROFILE = re.compile(r"[0-9a-f]{6}")
# what RFC 6184 8.1 means where a description does not say: Baseline, level 1
DEFAULT_PROFILE = "42000a"
# levels that aiortc knows; a higher one, or 1b, is at least the one before it
_LEVELS = (10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52)
_NUMBERS = {"apt", "max-br", "max-cpb", "max-dpb", "max-fr", "max-fs", "max-mbps", "max-smbps",
            "packetization-mode", "stereo", "sprop-stereo", "useinbandfec", "usedtx", "cbr",
            "maxplaybackrate", "maxaveragebitrate", "minptime", "ptime"}  # fmt: skip


def read_rtpmap(line: str) -> tuple[int, str, str] | None:
    """Payload type, encoding name in capitals, and the line in its plain form; None for none."""
    match = _RTPMAP.match(line)
    if match is None or int(match[1]) > 127 or int(match[1]) in _RESERVED:
        return None
    return (
        int(match[1]),
        match[2].upper(),
        f"a=rtpmap:{match[1]} {match[2]}/{match[3]}{match[4] or ''}",
    )


def read_fmtp(line: str) -> tuple[int, dict[str, str | None]] | None:
    """Payload type and parameters, their names in small letters; None for a line that is none."""
    match = _FMTP.match(line)
    if match is None or int(match[1]) > 127:
        return None
    parameters: dict[str, str | None] = {}
    for part in match[2].split(";"):
        name, equals, value = part.strip().partition("=")
        name, value = name.strip().lower(), value.strip()
        if not name or (name in _NUMBERS and not re.fullmatch(r"\d{1,9}", value)):
            continue
        parameters[name] = value if equals else None
    return int(match[1]), parameters


def write_fmtp(payload_type: int, parameters: Mapping[str, str | None]) -> str:
    parts = [name if value is None else f"{name}={value}" for name, value in parameters.items()]
    return f"a=fmtp:{payload_type} {';'.join(parts)}"


def read_parameter_sets(value: str | None) -> bytes:
    """The sets of `sprop-parameter-sets` (RFC 6184 8.1), Annex B; without those that are none."""
    found = b""
    for text in (value or "").split(","):
        try:
            unit = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except ValueError:
            continue
        if unit and unit[0] & 0x1F in (NAL_SPS, NAL_PPS):
            found += START_CODE + unit
    return found


def plain_profile(profile_level_id: str) -> str | None:
    """A profile-level-id that aiortc knows and that stands for this one; None for nonsense, and for
    profiles that are neither Baseline, Main nor High.

    Levels up to 6.2 and both forms of 1b are taken (ITU-T H.264 A.3), Constrained High for High.
    Constraint flags that do not tell profiles apart are left out (RFC 6184 8.1, table 5): encoders
    write Main as 4d40 as well.
    """
    text = profile_level_id.strip().lower()
    if not _PROFILE.fullmatch(text):
        return None
    profile = _plain_flags(int(text[:2], 16), int(text[2:4], 16))
    level = int(text[4:], 16)
    if level != 11:
        level = max((each for each in _LEVELS if each <= level), default=10)
    return None if profile is None else f"{profile}{level:02x}"


def _plain_flags(profile: int, constraints: int) -> str | None:
    set0, set1 = constraints & 0x80, constraints & 0x40
    match profile:
        case 0x42:
            return "42e0" if set1 else "4200"
        case 0x4D:
            return "42e0" if set0 else "4d00"
        case 0x58 if set0:
            return "42e0" if set1 else "4200"
        case 0x64:
            return "6400"
    return None
