"""The forms that single values must have. Each check returns the value or raises ValueError that
quotes it.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

from agent.signaling.protocol.topics import Topics, is_uid

_ICE_URL = re.compile(
    r"(stun|turn|turns):([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?",
    re.ASCII,
)


def check_uid(uid: str) -> str:
    """PROTOCOL's form of a uid."""
    if not is_uid(uid):
        raise ValueError(
            f"{uid!r} is not a uid: 1 to 64 letters, digits, '_', '.', '-', the first a letter "
            f"or digit"
        )
    return uid


def check_host(host: str) -> str:
    """A name or an address, not a URL."""
    if not host or "/" in host or any(char.isspace() or not char.isprintable() for char in host):
        raise ValueError(f"{host!r} is not the name or address of a host")
    return host


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_path(path: Path) -> Path:
    """Anything that an operating system can open."""
    if not str(path).isprintable():
        raise ValueError(f"{str(path)!r} is not a path")
    return path


def check_topic_prefix(prefix: str) -> str:
    """Levels of a topic, without wildcards, empty levels or the broker's own `$`."""
    return Topics(prefix).prefix


def check_video_source(source: str) -> str:
    """auto | picamera2 | pattern | file:PATH | v4l2:PATH"""
    kind, _, path = source.partition(":")
    if source not in ("auto", "picamera2", "pattern") and not (
        kind in ("file", "v4l2") and path and path.isprintable()
    ):
        raise ValueError(f"{source!r} is not auto, picamera2, pattern, file:PATH or v4l2:PATH")
    return source


def check_region(
    region: tuple[float, float, float, float] | None,
) -> tuple[float, float, float, float] | None:
    """left, top, width, height: a part of the unit square that is not empty."""
    if region is None:
        return None
    left, top, width, height = region
    # A little more than 1: thirds do not add up to it exactly.
    if min(region) < 0 or min(width, height) < 0.01 or left + width > 1.001 or top + height > 1.001:
        raise ValueError(
            f"{list(region)} is not [left, top, width, height] in fractions of the picture: "
            f"each from 0 to 1, width "
            "and height 0.01 or more, and left + width and top + height at most 1"
        )
    return region


def check_camera_controls(controls: dict[str, Any]) -> dict[str, Any]:
    """Names of libcamera's form, and values that a control can take."""
    for name, value in controls.items():
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]{1,63}", name, re.ASCII):
            raise ValueError(
                f"{name!r} is not the name of a control, such as Brightness or AwbMode"
            )
        items = value if isinstance(value, list) and value else [value]
        kinds = (bool, int, float) if isinstance(value, list) else (bool, int, float, str)
        if not all(isinstance(item, kinds) for item in items):
            raise ValueError(
                f"{name}: {value!r} is not a number, a boolean, a name or a list of numbers"
            )
    return controls


def check_audio_device(device: str) -> str:
    """auto | none | pattern | file:PATH | the name of a device"""
    if not device.strip() or device == "file:" or not device.isprintable():
        raise ValueError(
            f"{device!r} is not auto, none, pattern, file:PATH or the name of a device"
        )
    return device


def check_ice_url(url: str) -> str:
    """A URL of RFC 7064 or 7065, as far as it can be used: no `stuns:`."""
    if "@" in url:
        raise ValueError("a URL with '@' in it: username and credential are keys of their own")
    form = _ICE_URL.fullmatch(url)
    if form is None or not 1 <= int(form[3] or 3478) <= 65535:
        raise ValueError(
            f"{url!r} is not stun:HOST[:PORT], turn:HOST[:PORT][?transport=udp|tcp] or "
            f"turns:HOST[:PORT]"
        )
    if form[1] == "stun" and form[4]:
        raise ValueError(f"{url!r}: a stun: URL has no transport")
    if form[1] == "turns" and form[4] == "udp":
        raise ValueError(f"{url!r}: turns: is TLS over TCP, not udp")
    if form[2].startswith("["):
        _check_ipv6(url, form[2][1:-1])
    return url


def _check_ipv6(url: str, address: str) -> None:
    try:
        IPv6Address(address)
    except ValueError:
        raise ValueError(f"{url!r}: {address!r} is not an IPv6 address") from None
