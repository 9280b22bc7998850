"""The machine itself: versions, clock, permissions, temperature."""

from __future__ import annotations

import ctypes
import grp
import importlib.metadata
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from agent import __version__
from agent.doctor.findings import Finding, Verdict
from agent.service.board import board_model

_PACKAGES = ("aiortc", "av", "paho-mqtt", "picamera2")
# adjtimex(2): the clock is not synchronized
_TIME_ERROR = 5
# bytes; more than `struct timex` has on any architecture
_SIZE_OF_TIMEX = 512
# Unix seconds: a clock before this was never set
_EARLIEST = 1_700_000_000
_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")
# degrees Celsius: where a Raspberry Pi begins to slow down
_HOT = 80.0
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
# Bits of the firmware's word (Raspberry Pi documentation, `vcgencmd get_throttled`); 16 higher:
# since it was started.
_THROTTLING = {0: "under-voltage", 1: "clock capped", 2: "throttled", 3: "too hot"}
_DEVICES = {
    "video": ("dev/video*", "dev/media*", "dev/dma_heap/*"),
    "audio": ("dev/snd/pcm*",),
}
"""By the group that may open them."""


def system() -> dict[str, str]:
    """Names and versions."""
    versions = {name: _version(name) for name in _PACKAGES}
    memory = _total_memory()
    return {
        "board": board_model(),
        "system": _system_name(),
        "kernel": f"{platform.release()} {platform.machine()}",
        "memory": f"{memory / 1e6:.0f} MB" if memory else "unknown",
        "python": platform.python_version(),
        "callbox": __version__,
        **versions,
        "libcamera": _libcamera_version(),
    }


def check_clock() -> Finding:
    """Certificates, signed invitations and the hours of the policy need the time of day."""
    area, advice = "clock", "Let it be set from the network: sudo timedatectl set-ntp true"
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if time.time() < _EARLIEST:
        return Finding(area, Verdict.FAILED, f"it says {now}, which cannot be", advice)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_SIZE_OF_TIMEX))
    if state < 0:
        return Finding(
            area, Verdict.WARNING, f"{now}; whether it is synchronized cannot be seen here"
        )
    if state == _TIME_ERROR:
        return Finding(area, Verdict.WARNING, f"{now}; nothing synchronizes it", advice)
    return Finding(area, Verdict.OK, f"{now}, synchronized")


def check_devices() -> Iterator[Finding]:
    """May this user open what there is?"""
    area = "permissions"
    for group, patterns in _DEVICES.items():
        devices = [device for pattern in patterns for device in sorted(Path("/").glob(pattern))]
        closed = [str(device) for device in devices if not os.access(device, os.R_OK | os.W_OK)]
        if closed:
            text = f"user {user()} (groups {', '.join(_groups())}) may not open {', '.join(closed)}"
            yield Finding(
                area, Verdict.FAILED, text, f"sudo usermod -aG {group} {user()}, then log in again"
            )
    if os.geteuid() == 0:
        advice = "Look as the service does: sudo -u callbox callbox doctor"
        yield Finding(
            area, Verdict.WARNING, "this is root, who may do anything: the service may not", advice
        )
    else:
        yield Finding(area, Verdict.OK, f"user {user()}, groups {', '.join(_groups())}")


def check_temperature() -> Finding:
    """What the board says of heat and power."""
    area = "heat"
    degrees, throttling = temperature(), throttled()
    if degrees is None and throttling is None:
        return Finding(area, Verdict.SKIPPED, "this board does not tell its temperature")
    figures = {"celsius": degrees, "throttling": throttling}
    text = f"{degrees:.0f} degrees" if degrees is not None else "temperature unknown"
    if throttling:
        advice = "Under-voltage needs a better supply, heat a heat sink or less load."
        return Finding(area, Verdict.WARNING, f"{text}; {', '.join(throttling)}", advice, figures)
    if degrees is not None and degrees >= _HOT:
        advice = "It needs a heat sink."
        return Finding(
            area, Verdict.WARNING, f"{text}, where it begins to slow down", advice, figures
        )
    return Finding(
        area,
        Verdict.OK,
        f"{text}, not throttled" if throttling is not None else text,
        figures=figures,
    )


def temperature() -> float | None:
    """Of the processor, in degrees Celsius."""
    try:
        return int(_THERMAL.read_text()) / 1000
    except (OSError, ValueError):
        return None


def throttled() -> list[str] | None:
    """What slows the board down, or did since it was started; None where it does not tell."""
    word = _throttled_word()
    if word is None:
        return None
    now = [name for bit, name in _THROTTLING.items() if word & 1 << bit]
    before = [
        f"{name} before"
        for bit, name in _THROTTLING.items()
        if word & 1 << bit + 16 and name not in now
    ]
    return now + before


def _throttled_word() -> int | None:
    try:
        return int(_THROTTLED.read_text(), 16)
    except (OSError, ValueError):
        pass
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - a program of the system, asked for nothing that came from outside
            [program, "get_throttled"], capture_output=True, text=True, timeout=5, check=True
        )
        return int(answer.stdout.partition("=")[2], 16)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _libcamera_version() -> str:
    try:
        import libcamera

        return str(libcamera.CameraManager.singleton().version)
    except Exception:  # noqa: BLE001 - the binding fails in ways of its own where it does not fit the interpreter
        return "not usable from this Python"


def _system_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _total_memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


def user() -> str:
    """Who looks."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or str(os.geteuid())


def _groups() -> list[str]:
    names = []
    for number in os.getgroups():
        try:
            names.append(grp.getgrgid(number).gr_name)
        except KeyError:
            names.append(str(number))
    return names
