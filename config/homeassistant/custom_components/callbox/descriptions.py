"""What an SDP says, as far as this integration has to know."""

from __future__ import annotations

import re

_FINGERPRINT = re.compile(r"^a=fingerprint:(\S+ \S+)\s*$", re.MULTILINE)
_SECTION = re.compile(r"^(?=m=)", re.MULTILINE)
_SENDS = re.compile(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", re.MULTILINE)


def fingerprint(sdp: str) -> str | None:
    """By which one peer connection of a browser is recognized, also after an ICE restart."""
    found = _FINGERPRINT.search(sdp)
    return found[1] if found else None


def sends_sound(sdp: str) -> bool:
    """Whether whoever offers `sdp` has opened a microphone; `sendrecv` is SDP's own default."""
    session, *sections = _SECTION.split(sdp)
    default = _direction(session) or "sendrecv"
    sound = [each for each in sections if each.startswith("m=audio") and not _rejected(each)]
    return any((_direction(each) or default).startswith("send") for each in sound)


def _direction(part: str) -> str | None:
    found = _SENDS.search(part)
    return found[1] if found else None


def _rejected(section: str) -> bool:
    return section.split(None, 2)[1] == "0"
