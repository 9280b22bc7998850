"""Which part of a file a request wants (RFC 9110, section 14): players seek by it, and Safari plays
nothing without it.
"""

from __future__ import annotations

import re

_ONE_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


class NotInside(Exception):  # noqa: N818 - an answer, not a fault
    """The part that is wanted lies outside."""


def wanted_part(header: str | None, size: int) -> range | None:
    """The bytes that the `Range` header `header` names of `size`; None: all of them, which is also
    the answer to what cannot be read and to several parts. Raises NotInside.
    """
    found = _ONE_RANGE.fullmatch(header or "")
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        # so many at the end
        start, stop = max(0, size - int(found[2])), size
    else:
        start, last = int(found[1]), int(found[2] or size)
        if last < start:
            return None
        stop = min(size, last + 1)
    if start >= stop:
        raise NotInside
    return range(start, stop)
