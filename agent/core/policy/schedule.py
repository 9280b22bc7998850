"""Days and hours of a policy rule, judged on the wall clock of a time zone.

A window that passes midnight belongs to the day on which it began: `days = ["fri"]` with `hours =
"22:00-06:00"` is Friday night, Saturday's small hours included. Wall clock means: where clocks go
forward, the hour that is skipped is in no window; where they go back, the hour that comes twice is
in its window both times. The end itself is outside.

A clock that is not set (a board without a battery boots in the past) says nothing: then the safe
side is taken. A rule that lets somebody in at certain times does not match, one that keeps somebody
out does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MINUTES_A_DAY = 24 * 60
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Days:
    """Days of the week, 0 for Monday, and how they were written."""

    weekdays: frozenset[int]
    text: str

    @classmethod
    def parse(cls, value: object) -> Days:
        """From `"mon-fri"`, `"daily"` or a list of such. Raises ValueError that quotes the part
        that is wrong.
        """
        if isinstance(value, Days):
            return value
        parts = [value] if isinstance(value, str) else value
        if not isinstance(parts, Sequence) or not parts:
            raise ValueError(f'{value!r} is not a list of days such as ["mon-fri", "sun"]')
        weekdays = frozenset(day for part in parts for day in _weekdays(part))
        return cls(weekdays, ", ".join(parts))


@dataclass(frozen=True, slots=True)
class Hours:
    """A window of the day in minutes since midnight; `end` at or before `start` means the next
    day.
    """

    start: int
    end: int
    text: str

    @classmethod
    def parse(cls, value: object) -> Hours:
        """From `07:00-22:00`; `24:00` may end it. Raises ValueError that quotes what was
        written.
        """
        if isinstance(value, Hours):
            return value
        form = _HOURS.fullmatch(value) if isinstance(value, str) else None
        if form is None:
            raise ValueError(f"{value!r} is not HH:MM-HH:MM")
        start_hour, start_minute, end_hour, end_minute = (
            int(part) if part else None for part in form.groups()
        )
        start = 60 * (start_hour or 0) + (start_minute or 0)
        end = _MINUTES_A_DAY if end_hour is None else 60 * end_hour + (end_minute or 0)
        if start == end:
            raise ValueError(
                f"{value!r} begins and ends at the same time; leave hours out for the whole day"
            )
        return cls(start, end, form.group())

    @property
    def passes_midnight(self) -> bool:
        return self.end < self.start

    def include(self, minute: int) -> bool:
        """Whether this minute of the day is within the window, whichever day the window began."""
        if self.passes_midnight:
            return minute >= self.start or minute < self.end
        return self.start <= minute < self.end


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of a rule: whether it holds, and why, in words."""

    holds: bool
    text: str


def parse_timezone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ValueError that quotes the name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone such as 'Europe/Berlin'") from error


def check_unset_clock(
    at: datetime, days: Days | None, hours: Hours | None, *, keeps_out: bool
) -> list[Check]:
    """In place of `check_schedule` while the clock is not set; `at` is what it shows."""
    if days is None and hours is None:
        return []
    written = " and ".join(part.text for part in (days, hours) if part is not None)
    side = (
        "kept, to be safe: the rule keeps out"
        if keeps_out
        else "not kept, to be safe: the rule lets in"
    )
    return [
        Check(
            keeps_out, f"the clock is not set, it shows {at:%Y-%m-%d}; {written} counts as {side}"
        )
    ]


def check_schedule(
    at: datetime, zone: tzinfo, days: Days | None, hours: Hours | None
) -> list[Check]:
    """Whether `at` (aware) is on the days and within the hours; None is always."""
    local = at.astimezone(zone)
    checks = []
    if days is not None:
        checks.append(_check_days(local, days, hours))
    if hours is not None:
        checks.append(_check_hours(local, zone, hours))
    return checks


def _check_days(local: datetime, days: Days, hours: Hours | None) -> Check:
    after_midnight = hours is not None and hours.passes_midnight and _minute(local) < hours.end
    day = (local - timedelta(days=1)).weekday() if after_midnight else local.weekday()
    holds = day in days.weekdays
    when = (
        f"the window began on {DAY_NAMES[day]}" if after_midnight else f"today is {DAY_NAMES[day]}"
    )
    return Check(holds, f"{when}, {'one of' if holds else 'the rule is for'} {days.text}")


def _check_hours(local: datetime, zone: tzinfo, hours: Hours) -> Check:
    holds = hours.include(_minute(local))
    where = f"is within {hours.text}" if holds else f"is outside {hours.text}"
    return Check(holds, f"{local:%H:%M} in {zone} {where}")


def _minute(local: datetime) -> int:
    return 60 * local.hour + local.minute


def _weekdays(part: object) -> set[int]:
    if part == "daily":
        return set(range(7))
    ends = part.split("-") if isinstance(part, str) else []
    if len(ends) not in (1, 2) or not all(end in DAYS for end in ends):
        raise ValueError(f"{part!r} is not a day (mon ... sun), a range such as mon-fri, or daily")
    start, end = DAYS.index(ends[0]), DAYS.index(ends[-1])
    return {(start + offset) % 7 for offset in range((end - start) % 7 + 1)}
