"""RFC 3339 times, as every time on the wire and on disk. Pure: the clock is read elsewhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def format_time(unix_seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-11-22T10:15:00.123Z`. Beyond the years 1 to 9999:
    their ends.
    """
    milliseconds = min(max(round(unix_seconds * 1000), _FIRST), _LAST)
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_time(text: str) -> float:
    """Unix seconds of an RFC 3339 time in any offset. Raises ValueError."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("must be an RFC 3339 time such as 2026-11-22T10:15:00.123Z")
    try:
        return (datetime.fromisoformat(text.upper()) - _EPOCH).total_seconds()
    except (ValueError, OverflowError):
        raise ValueError("must be a time that exists") from None
