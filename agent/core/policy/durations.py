"""Lengths of time as people write them: `90s`, `10m`, `1h30m`, or a number of seconds."""

from __future__ import annotations

import math
import re

LONGEST_DURATION = 7 * 24 * 3600.0
LONGEST_RETENTION = 3650 * 24 * 3600.0
_FORM = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60))


def parse_duration(value: object) -> float:
    """Seconds, more than 0 and at most seven days. Raises ValueError that quotes what was
    written.
    """
    return _bounded(value, LONGEST_DURATION, "7 days")


def parse_retention(value: object) -> float:
    """The same up to ten years: for how long something is kept."""
    return _bounded(value, LONGEST_RETENTION, "10 years")


def format_duration(seconds: float) -> str:
    """The shortest form that `parse_duration` reads back as the same: `5400` is `1h30m`."""
    if seconds != int(seconds):
        return f"{seconds!r}s"
    rest, text = int(seconds), ""
    for unit, length in _UNITS:
        count, rest = divmod(rest, length)
        text += f"{count}{unit}" if count else ""
    return text + (f"{rest}s" if rest or not text else "")


def _bounded(value: object, longest: float, words: str) -> float:
    seconds = _seconds(value)
    if not 0 < seconds <= longest:
        raise ValueError(f"{value!r} is not between 0 and {words}")
    return seconds


def _seconds(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"\d{1,9}(?:\.\d+)?", text, re.ASCII):
            return float(text)
        form = _FORM.fullmatch(text)
        if text and form:
            days, hours, minutes, seconds = (float(part or 0) for part in form.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    raise ValueError(
        f"{value!r} is not a duration such as '90s', '10m', '1h30m' or a number of seconds"
    )
