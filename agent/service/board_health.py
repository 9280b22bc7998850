"""How the board and this process are doing, read from /proc and /sys. What it does not tell is
None.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from agent.service.memory import resident_memory

# bits of the firmware's word (Raspberry Pi documentation, `vcgencmd get_throttled`)
_UNDERVOLTAGE, _THROTTLED = 0, 2
# the wireless extensions' question for the bit rate, and where the answer stands (wireless.h)
_SIOCGIWRATE, _IFNAMSIZ = 0x8B21, 16
# adjtimex(2): nothing synchronizes the clock; bytes, more than `struct timex` has anywhere
_TIME_ERROR, _SIZE_OF_TIMEX = 5, 512


@dataclass(frozen=True, slots=True)
class Wifi:
    """The first wireless interface: signal in dBm, bit rate in Mbit/s."""

    rssi_dbm: int | None = None
    link_mbps: float | None = None


@dataclass(frozen=True, slots=True)
class BoardHealth:
    """Units stand in the names. `throttled` and `undervoltage` are of now; `resident_bytes` are
    this process's, `disk_free_bytes` what it may still write to its state directory.
    """

    temperature_celsius: float | None = None
    throttled: bool | None = None
    undervoltage: bool | None = None
    memory_available_bytes: int | None = None
    resident_bytes: int | None = None
    load1: float | None = None
    disk_free_bytes: int | None = None
    wifi: Wifi | None = None
    uptime_seconds: float | None = None
    clock_synchronized: bool | None = None


def read_board(state_directory: Path, root: Path = Path("/")) -> BoardHealth:
    """Look at once; it blocks for some milliseconds. `root` is where proc, sys and run are."""
    word = _number(root / "sys/devices/platform/soc/soc:firmware/get_throttled", 16)
    heat = _number(root / "sys/class/thermal/thermal_zone0/temp")
    return BoardHealth(
        temperature_celsius=None if heat is None else heat / 1000,
        throttled=None if word is None else bool(word & 1 << _THROTTLED),
        undervoltage=None if word is None else bool(word & 1 << _UNDERVOLTAGE),
        memory_available_bytes=_available_memory(_text(root / "proc/meminfo")),
        resident_bytes=resident_memory(),
        load1=_first_word(_text(root / "proc/loadavg")),
        disk_free_bytes=_free(state_directory),
        wifi=_wifi(_text(root / "proc/net/wireless")),
        uptime_seconds=_first_word(_text(root / "proc/uptime")),
        clock_synchronized=_is_synchronized(root / "run/systemd/timesync"),
    )


def board_boot_id(root: Path = Path("/")) -> str | None:
    """What names the board's present boot."""
    return _text(root / "proc/sys/kernel/random/boot_id").strip() or None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_text(path), base)
    except ValueError:
        return None


def _first_word(text: str) -> float | None:
    try:
        return float(text.split()[0])
    except (ValueError, IndexError):
        return None


def _available_memory(meminfo: str) -> int | None:
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo, re.MULTILINE)
    return None if found is None else int(found[1]) * 1024


def _free(directory: Path) -> int | None:
    try:
        found = os.statvfs(directory)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _wifi(wireless: str) -> Wifi | None:
    """Of /proc/net/wireless: interface, status, link quality, level and noise."""
    found = re.search(r"^\s*(\S+):\s+\S+\s+\S+\s+(-?\d+)", wireless, re.MULTILINE)
    if found is None:
        return None
    return Wifi(rssi_dbm=int(found[2]), link_mbps=_bit_rate(found[1]))


def _bit_rate(interface: str) -> float | None:
    """Mbit/s of a wireless interface; neither /proc nor /sys tells it."""
    request = struct.pack(f"{_IFNAMSIZ}s16x", interface.encode()[: _IFNAMSIZ - 1])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            answer = fcntl.ioctl(asking, _SIOCGIWRATE, request)
    except OSError:
        return None
    rate: int = struct.unpack_from("i", answer, _IFNAMSIZ)[0]
    return rate / 1e6 if rate > 0 else None


def _is_synchronized(timesync: Path) -> bool | None:
    """What systemd-timesyncd says where it runs, else the kernel, which a sandbox may forbid to
    ask.
    """
    if timesync.is_dir():
        return (timesync / "synchronized").exists()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_SIZE_OF_TIMEX))
    return None if state < 0 else state != _TIME_ERROR
