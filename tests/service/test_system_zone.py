"""The zone is the system's: `date` is asked what it should be."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.core.policy.rules import Policy
from agent.core.policy.schedule import Hours, check_schedule
from agent.service.system_zone import SystemZone, local_timezone

ZONES = Path("/usr/share/zoneinfo")
SUMMER, WINTER = (
    datetime(2026, 7, 14, 3, 33, tzinfo=UTC),
    datetime(2026, 11, 29, 11, 50, tzinfo=UTC),
)


def at(zone: SystemZone, moment: datetime) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M %z")


def date_says(moment: datetime, **environ: str) -> str:
    command = ["date", "--date", f"@{moment.timestamp():.0f}", "+%Y-%m-%d %H:%M %z"]
    answer = subprocess.run(
        command, env={"PATH": os.environ["PATH"], **environ}, capture_output=True
    )
    return answer.stdout.decode().strip()


@pytest.mark.parametrize(
    "text",
    [
        "Europe/Berlin",
        ":Europe/Berlin",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "<+03>-3",
        "<-0330>3:30",
        "UTC0",
        "EST5EDT4",
        "CET-1CEST-2:30",
        "AAA-5BBB,J60/2,J300/2",
        "IST-2IDT,M3.4.4/26,M10.5.0",
        "/usr/share/zoneinfo/Asia/Shanghai",
        ":/usr/share/zoneinfo/Asia/Shanghai",
        "posix/Asia/Tokyo",
        "Etc/GMT+5",
        "GMT+5",
        "",
    ],
)
def test_system_zone_reads_every_form_of_tz_as_the_system_does(text: str) -> None:
    zone = SystemZone({"TZ": text})
    assert zone.fault is None
    for moment in (SUMMER, WINTER):
        assert at(zone, moment) == date_says(moment, TZ=text)


@pytest.mark.parametrize(
    "text",
    [
        "Nowhere/City",
        "no such zone",
        "AB3",
        "XXX",
        "\n",
        "/dev/zero",
        "/etc",
        "/etc/hostname",
        "../../../etc/localtime",
        "zone.tab",
        "CET-25",
        "CET-1CEST,M3.5.0,M13.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3garbage",
        "€UR-1",
        "A" * 5000,
    ],
)
def test_system_zone_that_cannot_be_read_is_a_fault_and_utc(text: str) -> None:
    zone = SystemZone({"TZ": text})
    assert zone.fault is not None
    assert "time zone" in zone.fault
    assert len(zone.fault) < 250
    assert str(zone) == "UTC"
    assert at(zone, WINTER) == "2026-11-29 11:50 +0000"


def test_system_zone_of_the_machine_is_what_it_is_now(tmp_path: Path) -> None:
    localtime = tmp_path / "localtime"
    zone = SystemZone({}, localtime)
    assert (str(zone), zone.fault) == ("UTC", None)
    for name, shown in (("Europe/Berlin", "12:50 +0100"), ("Asia/Shanghai", "19:50 +0800")):
        new = tmp_path / "new"
        new.symlink_to(ZONES / name)
        new.replace(localtime)
        assert at(zone, WINTER) == f"2026-11-29 {shown}"
        assert str(zone) == name
    localtime.unlink()
    localtime.write_bytes((ZONES / "Asia/Tokyo").read_bytes())
    assert at(zone, WINTER) == "2026-11-29 20:50 +0900"
    localtime.write_bytes(b"TZif2")
    assert at(zone, WINTER) == "2026-11-29 20:50 +0900"
    assert zone.fault is not None
    assert "no zone file" in zone.fault
    localtime.write_bytes((ZONES / "Europe/Berlin").read_bytes())
    assert at(zone, WINTER) == "2026-11-29 12:50 +0100"
    assert zone.fault is None


def test_system_zone_of_a_link_to_nowhere_is_a_fault(tmp_path: Path) -> None:
    localtime = tmp_path / "localtime"
    localtime.symlink_to(tmp_path / "zoneinfo/Gone/City")
    fault = SystemZone({}, localtime).fault
    assert fault is not None
    assert "Gone/City" in fault


def test_system_zone_without_files_of_the_system_is_that_of_the_package(tmp_path: Path) -> None:
    import tzdata  # type: ignore[import-untyped]

    packaged = str(Path(tzdata.__path__[0], "zoneinfo"))
    zone = SystemZone({"TZ": "Europe/Berlin"}, directories=(str(tmp_path), packaged))
    assert at(zone, WINTER) == "2026-11-29 12:50 +0100"


def test_system_zone_knows_the_hour_that_comes_twice() -> None:
    zone = SystemZone({"TZ": "Europe/Berlin"})
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).astimezone(zone)
    second = (first.astimezone(UTC) + timedelta(hours=1)).astimezone(zone)
    assert (first.hour, second.hour) == (2, 2)
    assert (first.tzname(), second.tzname()) == ("CEST", "CET")
    assert second.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=1)


def test_rules_are_judged_by_a_zone_that_changes_under_them(tmp_path: Path) -> None:
    localtime, hours = tmp_path / "localtime", Hours.parse("12:00-13:00")
    localtime.symlink_to(ZONES / "Europe/Berlin")
    zone = SystemZone({}, localtime)
    (check,) = check_schedule(WINTER, zone, None, hours)
    assert check.holds
    assert check.text == "12:50 in Europe/Berlin is within 12:00-13:00"
    localtime.unlink()
    localtime.symlink_to(ZONES / "Asia/Shanghai")
    (check,) = check_schedule(WINTER, zone, None, hours)
    assert check.text == "19:50 in Asia/Shanghai is outside 12:00-13:00"


def test_local_timezone_is_one_for_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", ":Europe/Berlin")
    assert local_timezone() is local_timezone()
    assert Policy(timezone=local_timezone()).rules == ()
    assert local_timezone().fault is None
    assert str(local_timezone()) == "Europe/Berlin"
