"""Days and hours on the wall clock: windows over midnight, and both days on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.policy.schedule import (
    DAYS,
    Days,
    Hours,
    check_schedule,
    check_unset_clock,
    parse_timezone,
)

BERLIN = ZoneInfo("Europe/Berlin")
# Sunday 02:00 becomes 03:00
FORWARD = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
# Sunday 03:00 becomes 02:00
BACK = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)


def open_at(at: datetime, days: str | None, hours: str | None, zone: ZoneInfo = BERLIN) -> bool:
    parsed_days = Days.parse(days.split()) if days else None
    parsed_hours = Hours.parse(hours) if hours else None
    return all(check.holds for check in check_schedule(at, zone, parsed_days, parsed_hours))


def berlin(day: int, clock: str) -> datetime:
    """In November 2026, of which the 23rd is a Monday."""
    return datetime.combine(
        datetime(2026, 11, day, tzinfo=BERLIN), time.fromisoformat(clock), BERLIN
    )


@pytest.mark.parametrize(
    ("text", "weekdays"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sat", {5}),
        ("fri-mon", {4, 5, 6, 0}),
        ("sun-sat", set(range(7))),
        ("tue-tue", {1}),
        ("daily", set(range(7))),
        ("mon wed-thu", {0, 2, 3}),
    ],
)
def test_schedule_days(text: str, weekdays: set[int]) -> None:
    assert Days.parse(text.split()).weekdays == weekdays


def test_schedule_one_day_needs_no_list() -> None:
    assert Days.parse("sat-sun") == Days(frozenset({5, 6}), "sat-sun")


@hypothesis.settings(deadline=None)
@given(st.sampled_from(DAYS), st.sampled_from(DAYS))
def test_schedule_range_of_days_and_the_rest_of_the_week_share_only_its_ends(
    first: str, last: str
) -> None:
    there, back = Days.parse(f"{first}-{last}").weekdays, Days.parse(f"{last}-{first}").weekdays
    assert there & back == (
        {DAYS.index(first), DAYS.index(last)} if first != last else {DAYS.index(first)}
    )
    assert len(there | back) == (7 if first != last else 1)


@pytest.mark.parametrize(
    "value",
    ["", "monday", "Mon", "mon-", "-fri", "mon-fri-sun", "daily-mon", "fr", 5, [], [1], None],
)
def test_schedule_what_is_not_a_day_is_quoted(value: object) -> None:
    quoted = value[0] if isinstance(value, list) and value else value
    with pytest.raises(ValueError, match="^" + repr(quoted).replace("[", r"\[")):
        Days.parse(value)


@pytest.mark.parametrize(
    "value",
    [
        "25:00-06:00",
        "7:00-22:00",
        "07:00",
        "07:00-22:60",
        "24:00-06:00",
        "07:00-24:01",
        "07:00 - 22:00",
        "\u0660\u0667:00-22:00",
        7,
    ],
)
def test_schedule_what_is_not_a_window_is_quoted(value: object) -> None:
    with pytest.raises(ValueError, match=f"^{value!r} is not HH:MM-HH:MM$"):
        Hours.parse(value)


def test_schedule_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="'07:00-07:00' begins and ends at the same time"):
        Hours.parse("07:00-07:00")


@pytest.mark.parametrize(
    "name", ["", "Europe/Nowhere", "../../etc/passwd", "/etc/localtime", "Europe", "a\0b"]
)
def test_schedule_what_is_not_a_time_zone_is_quoted(name: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone such as"):
        parse_timezone(name)


def test_schedule_window_begins_with_its_first_minute_and_ends_before_its_last() -> None:
    assert open_at(berlin(23, "07:00:00"), None, "07:00-22:00")
    assert open_at(berlin(23, "21:59:59.999999"), None, "07:00-22:00")
    assert not open_at(berlin(23, "22:00:00"), None, "07:00-22:00")
    assert not open_at(berlin(23, "06:59:59.999999"), None, "07:00-22:00")
    assert open_at(berlin(23, "23:59:59.999999"), None, "22:00-24:00")
    assert not open_at(berlin(23, "00:00:00"), None, "22:00-24:00")


def test_schedule_what_is_after_midnight_belongs_to_the_day_on_which_the_window_began() -> None:
    friday_night = ("fri", "22:00-06:00")
    # Friday's early hours are Thursday's night
    assert not open_at(berlin(27, "05:59:00"), *friday_night)
    assert open_at(berlin(27, "22:00:00"), *friday_night)
    assert open_at(berlin(28, "05:59:00"), *friday_night)
    assert not open_at(berlin(28, "06:00:00"), *friday_night)
    assert not open_at(berlin(28, "22:00:00"), *friday_night)


def test_schedule_week_ends_into_monday() -> None:
    assert open_at(berlin(23, "01:00:00"), "sun", "22:00-06:00")
    assert not open_at(berlin(23, "01:00:00"), "mon", "22:00-06:00")


def test_schedule_words_name_the_day_on_which_the_window_began() -> None:
    checks = check_schedule(
        berlin(28, "01:30:00"), BERLIN, Days.parse(["fri", "sun"]), Hours.parse("22:00-06:00")
    )
    assert [check.text for check in checks] == [
        "the window began on friday, one of fri, sun",
        "01:30 in Europe/Berlin is within 22:00-06:00",
    ]


def test_schedule_where_clocks_go_forward_the_hour_that_is_skipped_is_in_no_window() -> None:
    moments = [FORWARD + timedelta(minutes=minute) for minute in range(-120, 120)]
    assert not any(open_at(at, "sun", "02:00-03:00") for at in moments)
    assert sum(open_at(at, "sun", "01:30-03:30") for at in moments) == 60
    assert open_at(FORWARD - timedelta(minutes=1), None, "01:00-02:00")
    assert open_at(FORWARD, None, "03:00-04:00")


def test_schedule_where_clocks_go_back_has_the_repeated_hour_twice() -> None:
    moments = [BACK + timedelta(minutes=minute) for minute in range(-120, 120)]
    assert sum(open_at(at, "sun", "02:00-03:00") for at in moments) == 120
    assert sum(open_at(at, "sun", "02:30-02:45") for at in moments) == 30
    assert sum(open_at(at, "sun", "01:00-04:00") for at in moments) == 240


@pytest.mark.parametrize(("switch", "hours_open"), [(FORWARD, 7), (BACK, 9)])
def test_schedule_night_over_a_clock_change_is_an_hour_shorter_or_longer(
    switch: datetime, hours_open: int
) -> None:
    moments = [switch + timedelta(minutes=minute) for minute in range(-12 * 60, 12 * 60)]
    assert sum(open_at(at, "sat", "22:00-06:00") for at in moments) == hours_open * 60


ZONES = (
    "Europe/Berlin",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Asia/Kathmandu",
    "UTC",
)
CHANGES = (
    FORWARD,
    BACK,
    datetime(2026, 3, 8, 5, 30, tzinfo=UTC),
    datetime(2026, 4, 4, 15, 0, tzinfo=UTC),
)
MOMENTS = st.one_of(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
    st.builds(
        lambda change, minutes: change + timedelta(minutes=minutes),
        st.sampled_from(CHANGES),
        st.integers(-3000, 3000),
    ),
)


@hypothesis.settings(deadline=None)
@given(
    MOMENTS,
    st.sampled_from(ZONES),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sets(st.sampled_from(DAYS), min_size=1),
)
def test_schedule_moment_is_inside_if_and_only_if_a_window_of_a_listed_day_spans_its_wall_clock(
    at: datetime, zone: str, start: int, end: int, days: set[str]
) -> None:
    if start == end:
        return
    hours = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    inside = False
    for day in (wall.date(), wall.date() - timedelta(days=1)):
        midnight = datetime.combine(day, time())
        closes = midnight + timedelta(minutes=end, days=1 if end < start else 0)
        inside |= (
            DAYS[day.weekday()] in days and midnight + timedelta(minutes=start) <= wall < closes
        )
    assert open_at(at, " ".join(sorted(days)), hours, ZoneInfo(zone)) == inside


@pytest.mark.parametrize("keeps_out", [True, False])
def test_schedule_clock_that_is_not_set_is_on_the_safe_side(keeps_out: bool) -> None:
    at = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    days, hours = Days.parse("mon-fri"), Hours.parse("07:00-22:00")
    (check,) = check_unset_clock(at, days, hours, keeps_out=keeps_out)
    assert check.holds is keeps_out
    assert (
        "the clock is not set, it shows 1970-01-01; mon-fri and 07:00-22:00 counts as" in check.text
    )
    assert check_unset_clock(at, None, None, keeps_out=keeps_out) == []
