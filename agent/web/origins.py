"""Under which names the page is asked for, and which sites may speak for its visitor.

Pure. `Host` keeps out a name that somebody pointed at a loopback address (DNS rebinding), `Origin`
(RFC 6454) another site's script.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,260}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TrustedOrigins:
    """`scheme` is how this server itself is reached, `origins` how proxies in front of it are.

    `loopback_only`: the server listens on this machine alone.
    """

    scheme: str
    loopback_only: bool
    origins: tuple[str, ...] = ()

    def allows_host(self, host: str) -> bool:
        """Whether the page may be asked for under this name (the `Host` header)."""
        if not self.loopback_only:
            return True
        return _is_loopback_name(host) or any(_same_host(origin, host) for origin in self.origins)

    def allows_origin(self, origin: str | None, host: str) -> bool:
        """Whether the site `origin` may open a WebSocket here; no browser sends none."""
        if origin is None:
            return True
        asked = _parts(origin)
        if asked is None:
            return False
        by_name = not self.loopback_only or _is_loopback_name(host)
        if by_name and asked == _parts(f"{self.scheme}://{host}"):
            return True
        return any(asked == _parts(each) for each in self.origins)

    def websocket_sources(self, host: str) -> str:
        """For `connect-src` of a Content-Security-Policy: our own WebSocket, under every name."""
        own = [f"{self.scheme}://{host}"] if _HOST.fullmatch(host) else []
        sites = [*own, *self.origins]
        return " ".join(dict.fromkeys(f"ws{each.removeprefix('http')}" for each in sites))


def check_origin(origin: str) -> str:
    """`http://HOST[:PORT]` or `https://...`, as a browser says it. Raises ValueError."""
    if "@" in origin:
        raise ValueError("an origin with '@' in it: it has a scheme, a host and a port alone")
    if _parts(origin) is None:
        raise ValueError(f"{origin!r} is not an origin, such as https://door.example.org")
    return origin.rstrip("/").lower()


def _parts(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port (RFC 6454 4); None for what is no web site's origin."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    if not _HOST.fullmatch(parts.netloc):
        return None
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme]


def _same_host(origin: str, host: str) -> bool:
    scheme = urlsplit(origin).scheme
    return _parts(f"{scheme}://{host}") == _parts(origin)


def _is_loopback_name(host: str) -> bool:
    with suppress(ValueError):
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost":
            return True
        return ip_address(name).is_loopback
    return False
