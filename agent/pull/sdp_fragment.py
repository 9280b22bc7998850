"""What WHEP sends after the offer (RFC 8840 9, RFC 9725 4.3): candidates in a fragment of a
description, each after the media section that it belongs to.

Pure text in, pure text out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agent.core.call.values import IceCandidate

END = "a=end-of-candidates"
_MAX_LINES = 400
_CREDENTIALS = {"ice-ufrag": "ufrag", "ice-pwd": "password"}


@dataclass(frozen=True, slots=True)
class IceFragment:
    """`candidates` in the order of the fragment; None is the end of them."""

    ufrag: str | None
    password: str | None
    candidates: tuple[IceCandidate | None, ...]


def read_fragment(text: str) -> IceFragment:
    """Raises ValueError for what is no fragment."""
    lines = [line.strip() for line in re.split(r"\r\n|\n|\r", text) if line.strip()]
    if len(lines) > _MAX_LINES:
        raise ValueError(f"the fragment has more than {_MAX_LINES} lines")
    found: dict[str, str] = {}
    candidates: list[IceCandidate | None] = []
    index, mid = -1, None
    for number, line in enumerate(lines, 1):
        if not re.match(r"[a-z]=", line):
            raise ValueError(f"line {number} is not a line of a session description")
        name, _, value = line.removeprefix("a=").partition(":")
        if line.startswith("m="):
            index, mid = index + 1, None
        elif line.startswith("a=mid:"):
            mid = value
        elif line.startswith("a=") and name in _CREDENTIALS:
            found.setdefault(_CREDENTIALS[name], value)
        elif line.startswith("a=candidate:"):
            candidates.append(_candidate(value, mid, index))
        elif line == END:
            candidates.append(None)
    return IceFragment(found.get("ufrag"), found.get("password"), tuple(_once(candidates)))


def _candidate(value: str, mid: str | None, index: int) -> IceCandidate:
    """mediamtx has the attribute's name twice."""
    text = value.strip().removeprefix("candidate:")
    return IceCandidate(f"candidate:{text}", mid, max(index, 0) if mid is None else None)


def _once(candidates: Iterable[IceCandidate | None]) -> Iterator[IceCandidate | None]:
    """The end once, and last: clients say it in each section."""
    ended = False
    for each in candidates:
        if each is None:
            ended = True
        else:
            yield each
    if ended:
        yield None


def ice_ufrag(sdp: str) -> str | None:
    """The user name fragment of a description's first section that has one."""
    match = re.search(r"^a=ice-ufrag:(\S+)", sdp, re.MULTILINE)
    return match[1] if match else None


def with_candidates(sdp: str, candidates: Sequence[IceCandidate], *, ended: bool) -> str:
    """The description with `candidates` in the section that they name, or that is the first."""
    lines = sdp.splitlines()
    added = [f"a=candidate:{each.candidate.removeprefix('candidate:')}" for each in candidates]
    if ended and END not in lines:
        added.append(END)
    mid = next((each.sdp_mid for each in candidates if each.sdp_mid is not None), None)
    at = _end_of_section(lines, mid)
    return "\r\n".join([*lines[:at], *added, *lines[at:]]) + "\r\n"


def _end_of_section(lines: list[str], mid: str | None) -> int:
    """Where the section of `mid` ends; without one, the first that has ICE credentials."""
    mark = "a=ice-ufrag:" if mid is None else f"a=mid:{mid}"
    begin = next((at for at, line in enumerate(lines) if line.startswith(mark)), 0)
    later = (at for at, line in enumerate(lines) if at > begin and line.startswith("m="))
    return next(later, len(lines))
