"""How often a rule may decide for one caller, as people write it: `3/h`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.core.policy.durations import parse_duration

HIGHEST_RATE = 100
_RATE = re.compile(r"([1-9]\d{0,2})/(\d.*|[smhd])", re.ASCII)


@dataclass(frozen=True, slots=True)
class CallRate:
    """At most `calls` (1 to 100) within any `window` seconds."""

    calls: int
    window: float

    @classmethod
    def parse(cls, value: object) -> CallRate:
        """From `3/h` or `10/30m`. Raises ValueError that quotes what was written."""
        if isinstance(value, CallRate):
            return value
        form = _RATE.fullmatch(value) if isinstance(value, str) else None
        if form is None:
            raise ValueError(f"{value!r} is not COUNT/TIME such as '3/h', '10/d' or '5/30m'")
        calls, window = form.groups()
        if int(calls) > HIGHEST_RATE:
            raise ValueError(f"{value!r} is more than {HIGHEST_RATE} calls")
        return cls(int(calls), parse_duration(window if window[0].isdigit() else f"1{window}"))
