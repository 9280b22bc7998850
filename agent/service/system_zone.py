"""The time zone of this machine, as `date` sees it, and as it is now: `$TZ` in each form that the
system knows, or /etc/localtime, looked at anew for each time that is judged.

Python's zones are read once and kept; a device runs for years, through a move of its zone and
through countries that change their clocks.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import os
import re
import stat
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError

logger = logging.getLogger(__name__)

_LOCALTIME = Path("/etc/localtime")
_LARGEST_FILE = 1 << 20  # bytes; the system's zones have a few thousand
# tzset(3): a name, an offset, and the name of summer time without a rule of its own
_POSIX = re.compile(r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?\d{1,3}", re.ASCII)
_WITHOUT_RULE = re.compile(r"[^,]*\d(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+\-\d:]*", re.ASCII)
_USUAL_RULE = ",M3.2.0,M11.1.0"
"""What the system takes for one that is not given (tzset(3) leaves it open; glibc's)."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Where the zone is: a file, or a rule (POSIX) that needs none; what stands in both is UTC."""

    name: str
    file: Path | None = None
    rule: str | None = None
    fault: str | None = None


class SystemZone(tzinfo):
    """The zone of now; whoever holds it need not be told of a change."""

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        localtime: Path = _LOCALTIME,
        directories: Sequence[str] | None = None,
    ) -> None:
        self._environ = environ
        self._localtime = localtime
        self._directories = _zone_directories() if directories is None else directories
        self._seen: object = None
        self._zone: tzinfo = UTC
        self._name = "UTC"
        self._fault: str | None = None
        self._look()

    @property
    def fault(self) -> str | None:
        """Why the zone cannot be read, as a sentence: then this is the one before, at first UTC."""
        self._look()
        return self._fault

    def __str__(self) -> str:
        return self._name

    def fromutc(self, dt: datetime) -> datetime:
        self._look()
        return self._zone.fromutc(dt.replace(tzinfo=self._zone)).replace(tzinfo=self)

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        return self._zone.utcoffset(dt)

    def dst(self, dt: datetime | None) -> timedelta | None:
        return self._zone.dst(dt)

    def tzname(self, dt: datetime | None) -> str | None:
        return self._zone.tzname(dt)

    def _look(self) -> None:
        """Read the zone, unless nothing has changed since the last time."""
        found = self._find()
        seen = (found, found.file and _signature(found.file))
        if seen == self._seen:
            return
        first, self._seen = self._seen is None, seen
        before = self._name
        try:
            zone = _read(found)
            self._fault = found.fault
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self._fault = f"the time zone cannot be read: {found.name}: {reason}"
        else:
            self._zone, self._name = zone, found.name
        if first:
            return
        if self._fault is not None:
            logger.warning("%s; rules with days or hours go by %s", self._fault, self._name)
        elif self._name != before:
            logger.warning("the time zone is %s now", self._name)

    def _find(self) -> _Found:
        """As glibc does (tzset(3)): a file of that name, else a rule."""
        text = self._environ.get("TZ")
        if text is None:
            return self._of_the_system()
        name = text.removeprefix(":")
        if not name:
            return _Found("UTC")
        for directory in (self._environ.get("TZDIR", ""), *self._directories):
            file = Path(directory, name)
            if ".." not in file.parts and file.is_absolute() and os.path.isfile(file):
                return _Found(_short_name(name), file=file)
        if _POSIX.match(name) and name.isprintable():
            rule = name + _USUAL_RULE if _WITHOUT_RULE.fullmatch(name) else name
            return _Found(name, rule=rule)
        fault = (
            f"TZ: {text[:80]!r} is no time zone (as Europe/Berlin, or CET-1CEST,M3.5.0,M10.5.0/3)"
        )
        return _Found("UTC", fault=fault)

    def _of_the_system(self) -> _Found:
        if not os.path.lexists(self._localtime):
            return _Found("UTC")
        try:
            target = self._localtime.resolve()
        except (OSError, RuntimeError):
            target = self._localtime
        name = str(target).partition("zoneinfo/")[2] or str(self._localtime)
        return _Found(name, file=self._localtime)


@cache
def local_timezone() -> SystemZone:
    """This machine's, one for the process."""
    return SystemZone()


def _zone_directories() -> Sequence[str]:
    """The system's, then those of the package `tzdata`, for systems without."""
    packaged = importlib.util.find_spec("tzdata")
    places = packaged.submodule_search_locations or () if packaged is not None else ()
    return (*TZPATH, *(str(Path(place, "zoneinfo")) for place in places))


def _short_name(name: str) -> str:
    return name.partition("zoneinfo/")[2] or name


def _signature(file: Path) -> object:
    """Differs where the file does."""
    try:
        status = file.stat()
    except OSError as error:
        return error.errno
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _read(found: _Found) -> tzinfo:
    """Raises OSError, or ValueError with a reason."""
    if found.rule is not None:
        content = _file_with_rule(found.rule)
    elif found.file is not None:
        if not stat.S_ISREG(found.file.stat().st_mode):
            raise ValueError("it is no file")
        with found.file.open("rb") as opened:
            content = opened.read(_LARGEST_FILE)
    else:
        return UTC
    try:
        return ZoneInfo.from_file(io.BytesIO(content), key=found.name)
    except (ValueError, ZoneInfoNotFoundError, struct.error, IndexError) as error:
        raise ValueError("it is no zone file" if found.rule is None else str(error)) from error


def _file_with_rule(rule: str) -> bytes:
    """A zone file (RFC 8536) that holds nothing but the rule of its footer."""
    header = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    block = header + struct.pack(">lbb", 0, 0, 0) + b"UTC\0"
    return block + block + b"\n" + rule.encode("ascii", "replace") + b"\n"
